import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventLine, type ExportTexts, folderName, mediaName, mediaOf } from "@/domain/export";
import { escapeHtml, indexHtml, messageHtml, pageStart } from "@/domain/export_html";
import { crc32, ZipWriter } from "@/domain/export_zip";
import type { Message } from "@/domain/message";

const AT = new Date(2026, 10, 25, 13, 14, 16);

async function zip(files: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[], limit?: number): Promise<Uint8Array> {
  const parts: (Uint8Array<ArrayBuffer> | Blob)[] = [];
  const writer = new ZipWriter((part) => void parts.push(part), AT, limit);
  for (const [name, content] of files) await writer.add(name, new Blob([content]));
  await writer.finish();
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  expect(writer.bytes).toBe(bytes.length);
  return bytes;
}

/** What Python's zipfile, which knows nothing of us, finds in it. */
function read(bytes: Uint8Array): { readonly broken: string | null; readonly files: readonly [string, number, string, readonly number[]][] } {
  const folder = mkdtempSync(join(tmpdir(), "zajil-zip-"));
  try {
    const path = join(folder, "a.zip");
    writeFileSync(path, bytes);
    const code = "import json,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(json.dumps({'broken': z.testzip(), 'files': [[i.filename, i.file_size, z.read(i)[:40].decode('utf-8','replace'), list(i.date_time)] for i in z.infolist()]}))";
    return JSON.parse(execFileSync("python3", ["-c", code, path], { encoding: "utf-8" })) as ReturnType<typeof read>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the check value of CRC-32, at once and in pieces", () => {
  const bytes = new TextEncoder().encode("123456789");
  expect(crc32(bytes)).toBe(0xcbf43926);
  expect(crc32(bytes.slice(4), crc32(bytes.slice(0, 4)))).toBe(0xcbf43926);
});

test.each([["usual", undefined], ["Zip64", 1]] as const)("another program reads the file: %s", async (_name, limit) => {
  const big = new Uint8Array(2_500_000).fill(7);
  const { broken, files } = read(await zip([["account.json", "{}"], ["chats/001-حمام/chat.html", "سلام"], ["empty", ""], ["big.bin", big]], limit));
  expect(broken).toBeNull();
  expect(files.map(([name, size]) => [name, size])).toEqual([["account.json", 2], ["chats/001-حمام/chat.html", 8], ["empty", 0], ["big.bin", 2_500_000]]);
  expect(files[1]?.[2]).toBe("سلام");
  expect(files[0]?.[3]).toEqual([2026, 11, 25, 13, 14, 16]);
});

test("an export without anything is a file too, and names do not take each other's place", async () => {
  expect(read(await zip([])).files).toEqual([]);
  expect(read(await zip([["a/B.txt", "1"], ["a/b.txt", "2"], ["a/b.txt", "3"], [".x", "4"], [".x", "5"]])).files.map(([name]) => name)).toEqual(["a/B.txt", "a/b-2.txt", "a/b-3.txt", ".x", ".x-2"]);
});

test("a cancelled export ends between two pieces", async () => {
  const writer = new ZipWriter(() => undefined, AT);
  await expect(writer.add("a", new Blob([new Uint8Array(10)]), AbortSignal.abort())).rejects.toThrow();
});

const TEXTS: ExportTexts = { language: "en", isRightToLeft: false, title: "T", intro: "I", incomplete: "", missingFile: "gone", edited: "edited", describe: ({ kind }) => `(${kind})`, time: String };

function message(change: Partial<Message>): Message {
  return { id: "i", eventId: "$e", roomId: "!r", sender: "@a:b", senderName: "A", isOwn: false, sentAt: 0, body: { kind: "text", style: "text", text: "", rich: [] }, edited: false, reactions: [], status: "held", deliveredTo: [], readBy: [], hop: 0, viewOnce: false, pinned: false, starred: false, encrypted: true, shield: "ok", ...change };
}

test("nothing that somebody wrote is more than words in a page", () => {
  const evil = `"'><script>alert(1)</script><img src=x onerror=y>`;
  const page = pageStart(evil, TEXTS) + messageHtml(message({ eventId: evil, sender: evil, senderName: evil, edited: true, body: { kind: "text", style: "text", text: evil, rich: [{ type: "text", text: evil }] }, reactions: [{ key: evil, senders: ["@a:b"] }] }), TEXTS, `media/${evil}.png`) + indexHtml([{ folder: evil, name: evil, messages: 1 }], TEXTS);
  expect(page).not.toMatch(/<script|<img src=x|onerror=y>/);
  expect(page).toContain("default-src 'none'");
  expect(escapeHtml(evil)).not.toMatch(/[<>"']/);
});

test("files get names that no browser runs, and messages to be seen once are not taken along", () => {
  expect(mediaName(3, "photo\u202egpj.html", "application/octet-stream")).toMatch(/^0003-photogpj\.html\.file$/);
  expect(mediaName(1, "../../etc/passwd", "image/png")).toBe("0001-_.._etc_passwd.png");
  expect(folderName(2, "…/Família  حمام.")).toMatch(/^chats\/002-[^/\s]+$/);
  expect(folderName(2, "///")).toMatch(/^chats\/002-[^/]+$/);
  const body = { kind: "file", name: "a", source: { mxc: "mxc://a/b", mimeType: "", size: 0 } } as const;
  expect(mediaOf(message({ body }))?.source.mxc).toBe("mxc://a/b");
  expect(mediaOf(message({ body, viewOnce: true }))).toBeUndefined();
});

test("each event is one line of JSON", () => {
  const line = eventLine({ eventId: "$e", roomId: "!r", type: "m.room.message", sender: "@a:b", senderName: "A", sentAt: 5, content: { body: "a\nb" }, encrypted: true, shield: "ok" });
  expect(line.split("\n")).toHaveLength(2);
  expect(JSON.parse(line)).toEqual({ event_id: "$e", type: "m.room.message", sender: "@a:b", origin_server_ts: 5, content: { body: "a\nb" }, encrypted: true });
});
