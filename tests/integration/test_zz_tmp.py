import logging, struct, pika, pytest
from tests.integration.test_follower import bus, impatient, Bus
from tests.in_threads import running
from tests.waiting import wait_until
from pika import data
def test_nan(bus, caplog, monkeypatch):
    if "postgresql" in bus.cache_url: pytest.skip()
    caplog.set_level(logging.INFO)
    class F(float): pass
    orig = data.encode_value
    def enc(pieces, value):
        if isinstance(value, F):
            pieces.append(b'd' + struct.pack('>d', float('nan'))); return 9
        return orig(pieces, value)
    monkeypatch.setattr(data, "encode_value", enc)
    with running(bus.follower()):
        bus.announce(1, 1)
        bus.wait_for({1: 1})
        bus.throw(b"x", pika.BasicProperties(type="odd", headers={"a": F(1)}))
        bus.announce(2, 2)
        try:
            wait_until(lambda: 2 in bus.cached(), "x", seconds=100)
        finally:
            import time
            lines=[r.getMessage()[:150] for r in caplog.records if r.name.startswith("exposure")]
            open('/tmp/nan.txt','w').write("\n".join(lines))
