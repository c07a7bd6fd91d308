import "fake-indexeddb/auto";
import { describe, expect, test, vi } from "vitest";
import { mediaPath } from "@/platform/media_download";
import { MediaStore } from "@/platform/media_store";
import { localUri } from "@/domain/media/local_uri";
import { dropLocalFile, keepLocalFile } from "@/protocol/media_local";
import { MediaTransfer } from "@/protocol/media_transfer";
import { MediaUrls } from "@/platform/media_urls";

const blob = (size: number): Blob => new Blob([new Uint8Array(size)]);

describe("files kept for offline", () => {
  test("the longest unused go when the budget is passed; the rest stay after a restart", async () => {
    let time = 0;
    const name = crypto.randomUUID();
    const store = new MediaStore(name, 100, 60, () => ++time);
    await store.store("a", blob(40));
    await store.store("b", blob(40));
    expect((await store.load("a"))?.size).toBe(40);
    await store.store("c", blob(40));
    expect(await store.load("b")).toBeUndefined();
    expect((await store.load("a"))?.size).toBe(40);
    expect(await store.usage()).toEqual({ bytes: 80, files: 2 });
    await store.close();
    const again = new MediaStore(name, 100, 60, () => ++time);
    expect((await again.load("c"))?.size).toBe(40);
    await again.clear();
    expect(await again.usage()).toEqual({ bytes: 0, files: 0 });
  });

  test("a file above the limit of one is not kept", async () => {
    const store = new MediaStore(crypto.randomUUID(), 100, 60);
    await store.store("big", blob(61));
    expect(await store.load("big")).toBeUndefined();
  });
});

describe("blob URLs", () => {
  test("are revoked when unused and over the budget, never while they are shown", () => {
    const revoke = vi.spyOn(URL, "revokeObjectURL");
    const urls = new MediaUrls(100);
    for (const key of ["a", "b", "c"]) urls.put(key, blob(60));
    const [a, b] = [urls.take("a")!, urls.take("b")!];
    expect(revoke).not.toHaveBeenCalled();
    a.release();
    a.release();
    expect(urls.take("c")).toBeUndefined();
    expect(urls.take("a")).toBeUndefined();
    expect(revoke).toHaveBeenCalledTimes(2);
    expect(urls.take("b")?.url).toBe(b.url);
    urls.clear();
    expect(urls.bytes).toBe(0);
  });
});

test("a file on its way out is shown before any server has it, and no server is asked for a foreign name like it", async () => {
  const asked = vi.spyOn(globalThis, "fetch");
  const transfer = new MediaTransfer({ baseUrl: "http://127.0.0.1:9", accessToken: () => null }, new MediaStore(crypto.randomUUID(), 100, 60));
  const id = "zabc.0000-1111";
  keepLocalFile(id, new Blob(["%PDF-1.7"]));
  expect(localUri(id)).toBe("mxc://local.invalid/zabc-0000-1111");
  const source = { mxc: localUri(id), mimeType: "application/pdf", size: 8 };
  expect(await (await transfer.open(source, { once: true })).blob.text()).toBe("%PDF-1.7");
  dropLocalFile(id);
  await expect(transfer.open(source, { once: true })).rejects.toMatchObject({ code: "media_gone" });
  expect(asked).not.toHaveBeenCalled();
});

test("only well-formed mxc URIs become paths", () => {
  expect(mediaPath("mxc://example.org:8448/AbC-_1")).toBe("/_matrix/client/v1/media/download/example.org%3A8448/AbC-_1");
  expect(mediaPath("mxc://h/x", 320)).toBe("/_matrix/client/v1/media/thumbnail/h/x?width=320&height=320&method=scale&animated=false");
  for (const bad of ["https://h/x", "mxc://h", "mxc://h/../x", "mxc://h/a/b", "mxc://h/a?b", "mxc:///x", "mxc://h/%2e%2e", `mxc://h/${"a".repeat(300)}`]) expect(mediaPath(bad)).toBeUndefined();
});
