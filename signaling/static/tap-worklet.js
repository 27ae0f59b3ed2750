/** An AudioWorklet that posts each block that passes: {frame, samples} (see heard.js). */

class Tap extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage({ frame: currentFrame, samples });
    return true;
  }
}

registerProcessor("tap", Tap);
