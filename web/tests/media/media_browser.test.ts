import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Recorded } from "@/domain/media/ports";
import type { AccountMedia } from "@/protocol/media_access";
import type { uploadOutgoing } from "@/protocol/media_outgoing";
import type { prepareFile } from "@/protocol/media_prepare";
import type { scheduleSound } from "@/platform/sounds";
import type { uploadMedia } from "@/platform/media_upload";
import { hasChromium } from "../chromium";
import { settle } from "../demo/settle";
import { serveDemo } from "../demo_media/serve";
import { parseOgg } from "../domain/media/parse_ogg";
import * as samples from "../domain/media/samples";
import { findViolations, type OpenedPage, Pages } from "../pages";

/** What tests/demo_media/demo.tsx puts on the page. */
interface Demo {
  readonly media: AccountMedia;
  readonly server: Parameters<typeof uploadMedia>[0];
  readonly uploadMedia: typeof uploadMedia;
  readonly uploadOutgoing: typeof uploadOutgoing;
  readonly prepareFile: typeof prepareFile;
  readonly makePicture: (width: number, height: number, hue: number, type?: string) => Promise<File>;
  readonly makeSound: (seconds: number) => File;
  readonly makeFilm: (ms: number) => Promise<File>;
  readonly scheduleSound: typeof scheduleSound;
  /** The voice message that was recorded last. */
  readonly recorded?: Recorded;
}
declare global {
  var demo: Demo;
}

const SIZE = { width: 390, height: 800 };

describe.skipIf(!hasChromium)("media in Chromium", () => {
  const pages = new Pages();
  const opened: OpenedPage[] = [];
  let served: Awaited<ReturnType<typeof serveDemo>>;
  /** Of all tests that need nothing but a page with the media on it. */
  let page: Page;

  beforeAll(async () => {
    served = await serveDemo();
    page = await settled(pages.openForAll(address("en", "light"), { viewport: SIZE }));
  });
  beforeEach(async () => {
    await page.bringToFront();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    // A dialog that was left open is not the next test's.
    await page.context().close();
    page = await settled(pages.openForAll(address("en", "light"), { viewport: SIZE }));
  });
  afterAll(async () => {
    await served?.close();
  });

  function address(lang: string, theme: string, show = "chat"): string {
    return `${served.url}?${new URLSearchParams({ lang, theme, show })}`;
  }

  async function settled(opening: Promise<OpenedPage>): Promise<Page> {
    const here = await opening;
    opened.push(here);
    await here.page.waitForSelector("h1");
    return here.page;
  }

  function open(lang: string, theme: string, show?: string): Promise<Page> {
    return settled(pages.open(address(lang, theme, show), { viewport: SIZE }));
  }

  /** The demo page itself has no landmarks or headings of the app. */
  function violations(on: Page): Promise<readonly string[]> {
    return findViolations(on, "region");
  }

  test("a photo goes out encrypted and clean, and comes back", async () => {
    const before = served.state.files.size;
    const result = await page.evaluate(async () => {
      const { media, server, uploadOutgoing, makePicture } = globalThis.demo;
      const plain = new Uint8Array(await (await makePicture(2400, 1800, 90)).arrayBuffer());
      const secret = new TextEncoder().encode("Exif\0\0SECRET-place");
      const segment = [0xff, 0xe1, 0, secret.length + 2];
      const file = new Blob([plain.slice(0, 2), new Uint8Array(segment), secret, plain.slice(2)], { type: "text/html" });
      const progress: number[] = [];
      const content = await uploadOutgoing(server, { file, name: "a.jpg", kind: "image", caption: "Look" }, { encrypted: true, onProgress: (done, total) => progress.push(done / total) });
      const sent = content["file"] as { url: string; key: { k: string }; iv: string; hashes: { sha256: string }; v: string };
      const info = content["info"] as Record<string, unknown>;
      const key = { k: sent.key.k, iv: sent.iv, sha256: sent.hashes.sha256 };
      const opened = await media.open({ mxc: sent.url, key, mimeType: "text/html", size: 1 });
      const text = new TextDecoder("latin1").decode(await opened.blob.arrayBuffer());
      const tampered = await media.open({ mxc: sent.url, key: { ...key, sha256: "A".repeat(43) }, mimeType: "", size: 1 }).catch((error: { code: string }) => error.code);
      return { content, info, mimeType: opened.mimeType, hasSecret: text.includes("SECRET"), progress, tampered };
    });
    expect(result.content).toMatchObject({ msgtype: "m.image", body: "Look", filename: "a.jpg", file: { v: "v2", key: { alg: "A256CTR", kty: "oct", ext: true } } });
    expect(result.info).toMatchObject({ mimetype: "image/jpeg", w: 2400, h: 1800, thumbnail_info: { mimetype: "image/jpeg", w: 800, h: 600 } });
    expect(result.info["xyz.amorgan.blurhash"]).toMatch(/^.{28}$/);
    expect(result.info).toHaveProperty("thumbnail_file");
    expect(result).toMatchObject({ mimeType: "image/jpeg", hasSecret: false, tampered: "media_tampered" });
    expect(result.progress.at(-1)).toBe(1);
    const stored = [...served.state.files.values()].slice(before);
    expect(stored).toHaveLength(2);
    for (const { body, type } of stored) {
      expect(type).toBe("application/octet-stream");
      expect(body.includes("JFIF")).toBe(false);
    }
  });

  test("an upload tries again when the server is busy, once the file is there, and gives up when it is too big", async () => {
    served.state.failures.push(503);
    const sent = await page.evaluate(async () => {
      const { server, uploadMedia } = globalThis.demo;
      return uploadMedia(server, new Blob([new Uint8Array(3_000_000)]));
    });
    expect(served.state.files.get(sent.split("/").at(-1)!)?.body).toHaveLength(3_000_000);
    served.state.failures.push(413);
    const before = served.state.requests.length;
    const code = await page.evaluate(() => globalThis.demo.uploadMedia(globalThis.demo.server, new Blob(["x"])).catch((error: { code: string }) => error.code));
    expect(code).toBe("media_too_big");
    expect(served.state.requests.slice(before)).toEqual(["POST /_matrix/media/v3/upload"]);
    const cancelled = await page.evaluate(() => {
      const abort = new AbortController();
      const upload = globalThis.demo.uploadMedia(globalThis.demo.server, new Blob([new Uint8Array(900_000)]), { signal: abort.signal });
      setTimeout(() => abort.abort(), 1);
      return upload.then(() => "sent", (error: { code: string }) => error.code);
    });
    expect(["media_cancelled", "sent"]).toContain(cancelled);
  });

  test("films and sounds are measured", async () => {
    const result = await page.evaluate(async () => {
      const { prepareFile, makeFilm, makeSound } = globalThis.demo;
      const film = await prepareFile({ file: await makeFilm(900), name: "f.webm", kind: "video" });
      const sound = await prepareFile({ file: makeSound(3), name: "s.wav", kind: "audio" });
      return { film: { ...film, thumbnail: film.thumbnail && { width: film.thumbnail.width, size: film.thumbnail.data.size } }, sound };
    });
    expect(result.film).toMatchObject({ kind: "video", width: 320, height: 180, thumbnail: { width: 320 } });
    expect(result.film.durationMs).toBeGreaterThan(500);
    expect(result.sound).toMatchObject({ kind: "audio", durationMs: 3_000 });
    expect(result.sound.waveform).toHaveLength(64);
    expect(Math.max(...result.sound.waveform!)).toBe(1_024);
  });

  test.each([
    ["a PNG of 400 megapixels", samples.png(20_000, 20_000), "media_too_many_pixels"],
    ["half a PNG", samples.png(40, 40).slice(0, 20), "media_broken"],
  ])("%s is never decoded, neither sent nor shown", async (_, file, code) => {
    const seen = await page.evaluate(async (bytes) => {
      const { media, server, prepareFile, uploadMedia } = globalThis.demo;
      const blob = new Blob([new Uint8Array(bytes)], { type: "image/png" });
      const codeOf = (error: { code: string }): string => error.code;
      const mxc = await uploadMedia(server, blob);
      return [
        await prepareFile({ file: blob, name: "x.png", kind: "image" }).then(() => "sent", codeOf),
        await media.open({ mxc, mimeType: "image/png", size: 1 }).then(() => "shown", codeOf),
        await media.crop(blob, { x: 0, y: 0, size: 10 }, 10).then(() => "cut", codeOf),
        (await media.inspect(blob)).problem,
      ];
    }, [...file]);
    expect(seen.slice(0, 3)).toEqual([code, code, code]);
    expect(seen[3]).toBeDefined();
  });

  test("SVG and HTML get a type that no page runs, whatever they claim", async () => {
    const types = await page.evaluate(async () => {
      const { media, server, uploadMedia, prepareFile } = globalThis.demo;
      const found: string[] = [];
      for (const text of ["<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "<!doctype html><script>alert(1)</script>"]) {
        const blob = new Blob([text], { type: "image/png" });
        found.push((await media.open({ mxc: await uploadMedia(server, blob), mimeType: "image/png", size: 1 })).blob.type, (await prepareFile({ file: blob, name: "x.png", kind: "image" })).kind);
      }
      return found;
    });
    expect(types).toEqual(["application/octet-stream", "file", "application/octet-stream", "file"]);
  });

  test("pictures are made smaller, cut and searched for codes", async () => {
    const result = await page.evaluate(async () => {
      const { media, makePicture } = globalThis.demo;
      const big = await makePicture(3000, 2000, 20);
      const [small, cut] = [await media.compress(big), await media.crop(big, { x: 500, y: 0, size: 2000 }, 256)];
      const size = async (blob: Blob): Promise<string> => {
        const bitmap = await createImageBitmap(blob);
        return `${blob.type} ${bitmap.width}x${bitmap.height}`;
      };
      const svg = new XMLSerializer().serializeToString(document.querySelector("svg[role=img]")!).replace("<svg", "<svg width='400' height='400'");
      const image = new Image();
      image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      await image.decode();
      const canvas = new OffscreenCanvas(400, 400);
      const context = canvas.getContext("2d")!;
      context.fillStyle = "#fff";
      context.fillRect(0, 0, 400, 400);
      context.drawImage(image, 0, 0);
      const code = await media.scanPicture(await canvas.convertToBlob());
      return { small: await size(small), smaller: small.size < big.size, cut: await size(cut), code: code?.text, none: await media.scanPicture(big) };
    });
    expect(result).toEqual({ small: "image/jpeg 2048x1365", smaller: true, cut: "image/jpeg 256x256", code: "https://example.org/#/@salma:example.org", none: undefined });
  });

  test("a picture becomes a sticker: small, clean, moving if it is small already", async () => {
    const result = await page.evaluate(async ({ gif, secret }) => {
      const { media, makePicture } = globalThis.demo;
      const large = await media.shapeSticker(await makePicture(1200, 900, 40));
      const small = await media.shapeSticker(await makePicture(100, 80, 40, "image/png"));
      const moving = await media.shapeSticker(new Blob([Uint8Array.from(gif)]));
      const said = new TextDecoder("latin1").decode(await moving.file.arrayBuffer());
      const refused = [];
      for (const text of ["<svg xmlns='http://www.w3.org/2000/svg'/>", "GIF89a", ""]) refused.push(await media.shapeSticker(new Blob([text])).then(() => "taken", (error: { code: string }) => error.code));
      const shape = ({ file, width, height }: { file: Blob; width: number; height: number }) => [file.type, width, height];
      return { large: shape(large), bytes: large.file.size, small: shape(small), moving: shape(moving), hasSecret: said.includes(secret), refused };
    }, { gif: [...samples.gif(3)], secret: samples.SECRET });
    expect(result).toMatchObject({ large: ["image/webp", 512, 384], small: ["image/webp", 100, 80], moving: ["image/gif", 2, 2], hasSecret: false, refused: ["media_broken", "media_broken", "media_broken"] });
    expect(result.bytes).toBeLessThan(100_000);
  });

  test("a file that was seen is there without the server; clearing removes it", async () => {
    const result = await page.evaluate(async () => {
      const { media, server, uploadMedia, makePicture } = globalThis.demo;
      const source = { mxc: await uploadMedia(server, await makePicture(50, 50, 5)), mimeType: "image/jpeg", size: 1 };
      const { files: before } = await media.usage();
      (await media.open(source)).release();
      while ((await media.usage()).files <= before) await new Promise((resolve) => setTimeout(resolve, 10));
      const again = new (media.constructor as typeof AccountMedia)({ baseUrl: "http://127.0.0.1:9", accessToken: () => null }, "demo-media");
      const offline = (await again.open(source)).mimeType;
      const kept = (await media.usage()).files > 0;
      await media.clearOffline();
      const third = new (media.constructor as typeof AccountMedia)({ baseUrl: "http://127.0.0.1:9", accessToken: () => null }, "demo-media");
      return { offline, kept, files: (await media.usage()).files, code: await third.open(source).then(() => "shown", (error: { code: string }) => error.code) };
    });
    expect(result).toEqual({ offline: "image/jpeg", kept: true, files: 0, code: "media_offline" });
  });

  test("a voice message is recorded, paused and sent as Ogg that players understand", async () => {
    const begunAt = Date.now();
    await page.getByRole("button", { name: "record", exact: true }).click();
    const bar = page.getByRole("group", { name: "Recording a voice message" });
    await bar.getByRole("timer").filter({ hasNotText: "0:00" }).waitFor();
    await bar.getByRole("button", { name: "Pause" }).click();
    await bar.getByRole("button", { name: "Go on recording" }).waitFor();
    const shown = await bar.getByRole("timer").textContent();
    const pausedAt = Date.now();
    await page.waitForTimeout(1_200);
    expect(await bar.getByRole("timer").textContent()).toBe(shown);
    const resumedAt = Date.now();
    await bar.getByRole("button", { name: "Go on recording" }).click();
    await bar.getByRole("timer").filter({ hasNotText: shown! }).waitFor();
    await bar.getByRole("button", { name: "Send" }).click();
    await page.waitForFunction(() => document.querySelector("[data-log]")!.textContent!.startsWith("recorded"));
    const [, durationMs, type, points] = (await page.locator("[data-log]").textContent())!.split(" ");
    expect(Number(durationMs)).toBeGreaterThan(1_000);
    // The pause is not counted.
    expect(Number(durationMs)).toBeLessThan(Date.now() - begunAt - (resumedAt - pausedAt));
    expect(type).toBe("audio/ogg");
    expect(Number(points)).toBeGreaterThan(10);
    const { bytes, decoded, told } = await page.evaluate(async () => {
      const { file } = globalThis.demo.recorded!;
      const sound = await new OfflineAudioContext(1, 1, 48_000).decodeAudioData(await file.arrayBuffer());
      const player = new Audio(URL.createObjectURL(file));
      await new Promise((resolve, reject) => { player.addEventListener("loadedmetadata", resolve); player.addEventListener("error", reject); });
      return { bytes: [...new Uint8Array(await file.arrayBuffer())], decoded: sound.duration, told: player.duration };
    });
    const ogg = parseOgg(Uint8Array.from(bytes));
    expect(ogg.packets.length).toBeGreaterThan(12);
    // As long as the browser's own decoder finds it, but for what a decoder skips at the start and the last, rounded frame.
    expect(Math.abs(ogg.pages.at(-1)!.position / 48_000 - decoded)).toBeLessThan(0.1);
    expect(Math.abs(told - decoded)).toBeLessThan(0.1);
  });

  test("a short recording is not lost where its sound comes late; a shorter one says so", async () => {
    const result = await page.evaluate(async () => {
      // A microphone that is slow to wake, as all are on a busy machine: nothing has been written yet when the recording is sent.
      const { mediaDevices } = navigator;
      const listen = mediaDevices.getUserMedia.bind(mediaDevices);
      mediaDevices.getUserMedia = async () => {
        const context = new AudioContext();
        const source = context.createMediaStreamSource(await listen({ audio: true }));
        const late = context.createMediaStreamDestination();
        source.connect(late);
        await context.suspend();
        setTimeout(() => void context.resume(), 2_500);
        return late.stream;
      };
      const { media } = globalThis.demo;
      try {
        const slip = await media.record();
        const short = await slip.finish().then(() => "sent", (error: { code: string }) => error.code);
        const recording = await media.record();
        await new Promise((resolve) => setTimeout(resolve, 900));
        const { file, durationMs } = await recording.finish();
        return { short, type: file.type, durationMs };
      } finally {
        mediaDevices.getUserMedia = listen;
      }
    });
    expect(result).toMatchObject({ short: "media_too_short", type: "audio/ogg" });
    expect(result.durationMs).toBeGreaterThanOrEqual(700);
  });

  test("each kind of news sounds different, soft, and ends", async () => {
    const heard = await page.evaluate(async () => {
      const rendered = [];
      for (const kind of ["message", "mention", "invite", "sent"] as const) {
        const context = new OfflineAudioContext(1, 48_000, 48_000);
        globalThis.demo.scheduleSound(context, kind, 0);
        const samples = (await context.startRendering()).getChannelData(0);
        const crossings = samples.reduce((sum, sample, at) => sum + (at > 0 && sample > 0 !== (samples[at - 1] ?? 0) > 0 ? 1 : 0), 0);
        rendered.push({ peak: Math.max(...samples), end: Math.max(...samples.slice(36_000)), crossings });
      }
      return rendered;
    });
    for (const { peak, end } of heard) {
      expect(peak).toBeGreaterThan(0.02);
      expect(peak).toBeLessThan(0.4);
      expect(end).toBe(0);
    }
    expect(new Set(heard.map(({ crossings }) => crossings)).size).toBe(4);
  });

  test("one voice message plays at a time; keys seek; the speed goes round", async () => {
    const [first, second] = [page.getByRole("group", { name: /^Voice message/ }).nth(0), page.getByRole("group", { name: /^Voice message/ }).nth(1)];
    await first.getByRole("button", { name: "Play" }).click();
    await first.getByRole("button", { name: "Pause" }).waitFor();
    await first.getByRole("slider").press("ArrowRight");
    await expect.poll(async () => Number(await first.getByRole("slider").getAttribute("aria-valuenow"))).toBeGreaterThanOrEqual(5);
    await second.getByRole("button", { name: "Play" }).click();
    await second.getByRole("button", { name: "Pause" }).waitFor();
    await first.getByRole("button", { name: "Play" }).waitFor();
    await second.getByRole("button", { name: /^Speed/ }).click();
    expect(await second.getByRole("button", { name: /^Speed/ }).textContent()).toBe("1.5×");
    await second.getByRole("button", { name: "Pause" }).click();
    // The first, played to its end, goes on to the second by itself.
    await first.getByRole("slider").press("End");
    await first.getByRole("button", { name: "Play" }).click();
    await second.getByRole("button", { name: "Pause" }).waitFor();
    await second.getByRole("button", { name: "Pause" }).click();
  });

  test("the viewer goes through pictures by keys, zooms, and gives the focus back", async () => {
    await page.getByRole("button", { name: "Photo: picture 1" }).click();
    const viewer = page.getByRole("dialog");
    await viewer.getByRole("img", { name: "Photo: picture 1" }).waitFor();
    await page.keyboard.press("ArrowRight");
    const picture = viewer.getByRole("img", { name: "Photo: picture 2" });
    await picture.waitFor();
    await page.keyboard.press("+");
    await expect.poll(() => picture.evaluate((image) => new DOMMatrix(getComputedStyle(image).transform).a)).toBeCloseTo(1.5, 2);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await viewer.waitFor({ state: "detached" });
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Photo: picture 1");
  });

  test("view once: opened once, then gone", async () => {
    await page.getByRole("button", { name: "Photo Opens once, then it is gone" }).click();
    await page.getByRole("dialog").getByRole("img").waitFor();
    expect(await page.getByRole("dialog").getByRole("button", { name: "Save" }).count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.getByText("Photo: already opened").waitFor();
    expect(await page.getByRole("button", { name: "Photo Opens once, then it is gone" }).count()).toBe(0);
  });

  test("the send dialog orders, leaves out what cannot go, and makes an album", async () => {
    const dialogPage = await open("en", "light", "send");
    const dialog = dialogPage.getByRole("dialog");
    await dialog.getByText("This file is empty.").waitFor();
    await dialog.getByText("May contain its author").waitFor();
    expect(await violations(dialogPage)).toEqual([]);
    await dialog.getByRole("button", { name: "Move picture-120.jpeg up" }).click();
    await dialog.getByRole("textbox", { name: "Caption" }).fill("Two of us");
    await dialog.getByRole("button", { name: "Send", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    const sent = JSON.parse((await dialogPage.locator("[data-log]").textContent())!) as Record<string, unknown>[];
    expect(sent.map(({ kind, album, caption }) => [kind, album, caption ?? null])).toEqual([["image", true, "Two of us"], ["image", true, null], ["file", false, null]]);
    expect(sent[0]!["name"]).toMatch(/^picture-120\./);
    expect(sent[2]!["name"]).toBe("ميزانية.pdf");
  });

  test("the cropper cuts by keyboard", async () => {
    const cropPage = await open("ar", "dark", "crop");
    const area = cropPage.getByRole("group", { name: /مفاتيح الأسهم/ });
    await area.locator("img").waitFor();
    await area.press("+");
    await area.press("ArrowLeft");
    expect(await violations(cropPage)).toEqual([]);
    await cropPage.getByRole("button", { name: "حفظ" }).click();
    await cropPage.waitForFunction(() => document.querySelector("[data-log]")!.textContent === "cropped image/jpeg true");
  });

  test.each([["en", "light"], ["en", "dark"], ["ar", "light"], ["ar", "dark"]])("no axe violations, nothing wider than the page (%s, %s)", async (lang, theme) => {
    const checked = await open(lang, theme);
    await checked.setViewportSize({ width: 320, height: 640 });
    await settle(checked);
    expect(await violations(checked)).toEqual([]);
    expect(await checked.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  });

  test("no error was thrown on any page", () => expect(opened.flatMap(({ errors }) => errors)).toEqual([]));
});
