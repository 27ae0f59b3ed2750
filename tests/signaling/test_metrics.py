"""The figures for Prometheus, of a server where something happens."""

from dataclasses import replace

import httpx
from prometheus_client.parser import text_string_to_metric_families

from signaling.serving import Server, listen
from tests.signaling.serving import DEV, serving


async def figures(app) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("signaling_")
    }


async def test_what_happens_is_counted():
    async with serving() as site, site.worker(max_jobs=3) as worker, site.joined("ann") as ann:
        async with site.agent(worker):
            assert (await ann.ask("offer", to="nobody", sdp="garbage"))["code"] == "bad_request"
            assert (await site.http.get("/v1/jobs/none")).status_code == 404
            now = await figures(site.app.state.metrics)
        later = await figures(site.app.state.metrics)
    assert now["signaling_rooms",] == 1
    assert (now["signaling_participants", "human"], now["signaling_participants", "agent"]) == (1, 1)
    assert (now["signaling_sockets",], now["signaling_workers",], now["signaling_worker_free_slots",]) == (3, 1, 2)
    assert (now["signaling_joins_total", "human"], now["signaling_joins_total", "agent"]) == (1, 1)
    assert (now["signaling_refusals_total", "bad_request"], now["signaling_refusals_total", "not_found"]) == (1, 1)
    assert [now["signaling_dispatches_total", state] for state in ("pending", "assigned", "started")] == [1, 1, 1]
    assert now["signaling_messages_total", "received"] >= 2
    assert now["signaling_messages_total", "sent"] > now["signaling_messages_total", "received"]
    assert later["signaling_sockets",] <= 3
    assert now["signaling_webhooks_total", "dropped"] == 0


async def test_when_all_are_gone_the_gauges_are_zero():
    async with serving() as site:
        async with site.joined("ann") as ann:
            await ann.send("leave")
            assert await ann.closed() == 1000
        async with site.worker() as worker:
            await worker.websocket.close()
        now = await figures(site.app.state.metrics)
    assert [now["signaling_participants", kind] for kind in ("human", "agent", "whip")] == [0, 0, 0]


async def test_the_port_of_its_own_answers_about_health_and_to_no_foreign_name():
    async with serving() as site:
        metrics = Server(site.app.state.metrics, lambda url: None, replace(DEV, metrics_port=0).for_metrics())
        metrics.lifespan = metrics.config.lifespan_class(metrics.config)
        listener = listen("127.0.0.1", 0)
        await metrics.startup([listener])
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as http:
                assert (await http.get("/healthz")).json() == {"status": "ok"}
                assert (await http.get("/readyz")).json()["status"] == "ready"
                assert "process_resident_memory_bytes" in (await http.get("/metrics")).text
                assert (await http.get("/metrics", headers={"Host": "evil.example.org"})).status_code == 403
                assert (await http.get("/v1/rooms")).status_code == 404
                site.app.state.node.drain()
                draining = await http.get("/readyz")
                assert (draining.status_code, draining.json()["code"]) == (503, "server_draining")
        finally:
            metrics.servers[0].close()
            await metrics.lifespan.shutdown()
        assert (await site.http.get("/metrics")).status_code == 404, "not where strangers come"
