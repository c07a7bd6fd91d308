#!/usr/bin/env python3
"""Measure any Matrix homeserver from outside, over its client-server API only.

Works the same against every homeserver, so two can be compared on the same work:

    hsbench.py --base http://127.0.0.1:8008 --scenario send   --seconds 10
    hsbench.py --base http://127.0.0.1:8008 --scenario fanout --members 200
    hsbench.py --base http://127.0.0.1:8008 --scenario idle   --clients 2000 --pid 1234
    hsbench.py --base http://127.0.0.1:8008 --scenario initial-sync --rooms 100

The server must allow open registration (m.login.dummy) with its rate limits off.
Prints one JSON object per scenario.  Needs: uvloop, orjson, psutil.
"""
from __future__ import annotations

import argparse
import asyncio
import random
import string
import time
from urllib.parse import quote, urlsplit

import orjson
import psutil
import uvloop

CIPHERTEXT = "A" * 700  # about the size of a Megolm-encrypted text message


class Http:
    """One keep-alive HTTP/1.1 connection; no more client than the bench needs."""

    def __init__(self, base: str, token: str | None = None):
        u = urlsplit(base)
        self.host, self.port = u.hostname, u.port or 80
        self.token = token
        self.reader = self.writer = None

    async def request(self, method: str, path: str, body: dict | bytes | None = None):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=1 << 26)
        payload = body if isinstance(body, bytes) else (orjson.dumps(body) if body is not None else b"")
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Length: {len(payload)}\r\n"
        if payload:
            head += "Content-Type: application/json\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        self.writer.write(head.encode() + b"\r\n" + payload)
        status_line = await self.reader.readuntil(b"\r\n\r\n")
        lines = status_line.split(b"\r\n")
        status = int(lines[0].split(b" ", 2)[1])
        length, chunked, close = 0, False, False
        for line in lines[1:]:
            k, _, v = line.partition(b":")
            k = k.strip().lower()
            if k == b"content-length":
                length = int(v)
            elif k == b"transfer-encoding" and b"chunked" in v.lower():
                chunked = True
            elif k == b"connection" and b"close" in v.lower():
                close = True
        if chunked:
            parts = []
            while True:
                size = int((await self.reader.readuntil(b"\r\n")).strip().split(b";")[0], 16)
                chunk = await self.reader.readexactly(size + 2)
                if size == 0:
                    break
                parts.append(chunk[:-2])
            data = b"".join(parts)
        else:
            data = await self.reader.readexactly(length) if length else b""
        if close:
            self.writer.close()
            self.writer = None
        return status, data

    async def call(self, method: str, path: str, body=None) -> dict:
        status, data = await self.request(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path} -> {status} {data[:300]!r}")
        return orjson.loads(data)

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.writer = None


class User:
    def __init__(self, base: str):
        self.base = base
        self.http = Http(base)

    async def register(self, name: str):
        body = {"username": name, "password": "bench-password-1", "initial_device_display_name": "bench"}
        status, data = await self.http.request("POST", "/_matrix/client/v3/register", body)
        if status == 401:
            body["auth"] = {"type": "m.login.dummy", "session": orjson.loads(data)["session"]}
            status, data = await self.http.request("POST", "/_matrix/client/v3/register", body)
        if status != 200:
            raise RuntimeError(f"register {name} -> {status} {data[:300]!r}")
        r = orjson.loads(data)
        self.user_id, self.http.token = r["user_id"], r["access_token"]
        return self

    def conn(self) -> Http:
        return Http(self.base, self.http.token)


def rand(n=8):
    return "".join(random.choices(string.ascii_lowercase, k=n))


async def make_users(base, n, prefix):
    sem = asyncio.Semaphore(8)

    async def one(i):
        async with sem:
            u = await User(base).register(f"{prefix}{i}")
            u.http.close()
            return u
    return list(await asyncio.gather(*(one(i) for i in range(n))))


async def make_room(owner: User, members: list[User], encrypted=True) -> str:
    state = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]
    r = await owner.http.call("POST", "/_matrix/client/v3/createRoom",
                              {"preset": "public_chat", "initial_state": state if encrypted else []})
    room = r["room_id"]
    sem = asyncio.Semaphore(4)

    async def join(u):
        async with sem:
            await u.http.call("POST", f"/_matrix/client/v3/join/{quote(room, safe='')}", {})
            u.http.close()
    await asyncio.gather(*(join(u) for u in members))
    return room


def encrypted(stamp: float | None = None) -> dict:
    c = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": CIPHERTEXT, "session_id": "s" * 43, "device_id": "BENCHDEVIC",
         "sender_key": "k" * 43}
    if stamp is not None:
        c["bench_ts"] = repr(stamp)
    return c


def pct(xs, p):
    xs = sorted(xs)
    return xs[min(len(xs) - 1, int(len(xs) * p))] if xs else None


def ms(x):
    return None if x is None else round(x * 1000, 2)


async def scenario_send(a):
    """Concurrent senders, each in one of --rooms rooms, one message after the other."""
    users = await make_users(a.base, a.clients, f"s{rand()}_")
    rooms = []
    for i in range(a.rooms):
        mine = users[i::a.rooms]
        rooms.append(await make_room(mine[0], mine[1:]))
    lat, errors = [], 0
    stop = time.perf_counter() + a.seconds

    async def loop(i, u):
        nonlocal errors
        room, http, n = quote(rooms[i % a.rooms], safe=""), u.conn(), 0
        while time.perf_counter() < stop:
            n += 1
            t = time.perf_counter()
            status, _ = await http.request("PUT", f"/_matrix/client/v3/rooms/{room}/send/m.room.encrypted/t{n}{rand(4)}",
                                           encrypted())
            if status == 200:
                lat.append(time.perf_counter() - t)
            else:
                errors += 1
        http.close()
    t0 = time.perf_counter()
    await asyncio.gather(*(loop(i, u) for i, u in enumerate(users)))
    d = time.perf_counter() - t0
    return {"sends_per_s": round(len(lat) / d, 1), "p50_ms": ms(pct(lat, .5)), "p99_ms": ms(pct(lat, .99)), "errors": errors,
            "clients": a.clients, "rooms": a.rooms}


async def next_sync(http, since, timeout, flt=""):
    q = f"?timeout={timeout}" + (f"&since={quote(since)}" if since else "") + flt
    return await http.call("GET", f"/_matrix/client/v3/sync{q}")


async def scenario_fanout(a):
    """One room, --members clients in a sync loop, messages at --rate per second; every delivery is checked."""
    users = await make_users(a.base, a.members, f"f{rand()}_")
    room = await make_room(users[0], users[1:])
    total = int(a.rate * a.seconds)
    lat, got, done = [], {u.user_id: [] for u in users}, asyncio.Event()
    last = time.perf_counter()
    ready, sent_ids = asyncio.Semaphore(0), []

    async def reader(u):
        nonlocal last
        http = u.conn()
        r = await next_sync(http, None, 0)
        since = r["next_batch"]
        ready.release()
        while not (done.is_set() and len(got[u.user_id]) >= len(sent_ids)):
            try:
                r = await asyncio.wait_for(next_sync(http, since, 10000), 15)
            except TimeoutError:
                break
            since = r["next_batch"]
            now = time.time()
            for ev in r.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", []):
                ts = ev.get("content", {}).get("bench_ts")
                if ts:
                    lat.append(now - float(ts))
                    last = time.perf_counter()
                    got[u.user_id].append(ev["event_id"])
            if done.is_set() and time.time() > give_up:
                break
        http.close()
    give_up = float("inf")
    tasks = [asyncio.create_task(reader(u)) for u in users]
    for _ in users:
        await ready.acquire()
    http, t0 = users[0].conn(), time.perf_counter()
    for n in range(total):
        target = t0 + n / a.rate
        if (wait := target - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        r = await http.call("PUT", f"/_matrix/client/v3/rooms/{quote(room, safe='')}/send/m.room.encrypted/f{n}",
                            encrypted(time.time()))
        sent_ids.append(r["event_id"])
    t_send = time.perf_counter() - t0
    give_up = time.time() + 30
    done.set()
    await asyncio.gather(*tasks)
    # Until the last delivery: a reader that has all may have parked in one more long poll, which is no work.
    d = last - t0
    lost = sum(len(set(sent_ids) - set(g)) for g in got.values())
    dup = sum(len(g) - len(set(g)) for g in got.values())
    disorder = sum(1 for g in got.values() if [e for e in sent_ids if e in set(g)] != g)
    return {"members": a.members, "sent": len(sent_ids), "send_rate": round(len(sent_ids) / t_send, 1),
            "deliveries_per_s": round(len(lat) / d, 1), "p50_ms": ms(pct(lat, .5)), "p99_ms": ms(pct(lat, .99)),
            "lost": lost, "duplicates": dup, "readers_out_of_order": disorder}


async def scenario_idle(a):
    """--clients parked in long polls; memory per client from --pid (and its children); then one message to all."""
    users = await make_users(a.base, min(a.clients, a.accounts), f"i{rand()}_")
    procs = [psutil.Process(a.pid), *psutil.Process(a.pid).children(recursive=True)] if a.pid else []
    rss = lambda: sum(p.memory_info().rss for p in procs)  # noqa: E731
    before = rss() if procs else 0
    conns, parked = [], []
    for i in range(a.clients):
        h = users[i % len(users)].conn()
        conns.append(h)
        r = await next_sync(h, None, 0)
        parked.append(asyncio.create_task(next_sync(h, r["next_batch"], 120000)))
        if i % 200 == 199:
            await asyncio.sleep(0.05)
    await asyncio.sleep(3)
    after = rss() if procs else 0
    woken = sum(t.done() for t in parked)
    for t in parked:
        t.cancel()
    return {"clients": a.clients, "woken_early": woken,
            "kib_per_client": round((after - before) / 1024 / a.clients, 1) if procs else None,
            "rss_mib": round(after / 2**20, 1)}


async def scenario_initial_sync(a):
    """One account in --rooms rooms of --members members; time of an initial sync and of an empty incremental one."""
    users = await make_users(a.base, a.members, f"n{rand()}_")
    me = users[0]
    for _ in range(a.rooms):
        room = await make_room(me, users[1:])
        for _ in range(12):
            await me.http.call("PUT", f"/_matrix/client/v3/rooms/{quote(room, safe='')}/send/m.room.encrypted/{rand()}", encrypted())
    flt = "&filter=" + quote(orjson.dumps({"room": {"timeline": {"limit": 10}, "state": {"lazy_load_members": True}}}).decode())
    full, inc, size = [], [], 0
    h = me.conn()
    for _ in range(a.repeat):
        t = time.perf_counter()
        _, data = await h.request("GET", f"/_matrix/client/v3/sync?timeout=0{flt}")
        full.append(time.perf_counter() - t)
        size = len(data)
        since = orjson.loads(data)["next_batch"]
        t = time.perf_counter()
        await next_sync(h, since, 0, flt)
        inc.append(time.perf_counter() - t)
    return {"rooms": a.rooms, "members": a.members, "cold_ms": ms(full[0]), "warm_ms": ms(pct(full[1:], .5)), "bytes": size,
            "empty_incremental_ms": ms(pct(inc, .5))}


async def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--base", required=True)
    p.add_argument("--scenario", required=True, choices=["send", "fanout", "idle", "initial-sync"])
    p.add_argument("--clients", type=int, default=32)
    p.add_argument("--accounts", type=int, default=50)
    p.add_argument("--rooms", type=int, default=8)
    p.add_argument("--members", type=int, default=50)
    p.add_argument("--rate", type=float, default=5)
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--repeat", type=int, default=5)
    p.add_argument("--pid", type=int)
    a = p.parse_args()
    result = await globals()[f"scenario_{a.scenario.replace('-', '_')}"](a)
    print(orjson.dumps({"scenario": a.scenario, **result}).decode())


if __name__ == "__main__":
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    except (ImportError, ValueError):
        pass
    uvloop.install()
    asyncio.run(main())
