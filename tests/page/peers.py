"""The media connections of a page, seen from outside of it: JavaScript for Playwright to run there."""

SEEN = """() => {
  window.peers = [];
  const Original = RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...given) {
      super(...given);
      window.peers.push(this);
    }
  };
}"""
"""Before the page: each connection that it makes is kept in `window.peers`."""

RECEIVED = """async () => {
  const live = peers.filter((peer) => peer.connectionState === "connected");
  return Promise.all(live.map(async (peer) =>
    [...(await peer.getStats()).values()].find(({ type }) => type === "inbound-rtp")?.packetsReceived ?? 0));
}"""
"""How many packets of sound each that stands has received."""
