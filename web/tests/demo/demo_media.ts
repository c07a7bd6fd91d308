import type { MediaAccess, OpenMedia } from "@/domain/media/ports";
import type { MediaSource } from "@/domain/message";
import { hashFile } from "@/platform/media_hash";
import { Problem } from "@/domain/problem";
import { colourOf } from "@/views/common/initials";

const hues = [28, 180, 290, 212, 52, 345, 105, 222];

/** A painted sky for each source, so that pictures look like pictures without being any. */
async function paint(source: MediaSource, side: number): Promise<OpenMedia> {
  const canvas = new OffscreenCanvas(side, Math.round(side * 0.66));
  const context = canvas.getContext("2d")!;
  const hue = hues[colourOf(source.mxc)]!;
  const sky = context.createLinearGradient(0, 0, 0, canvas.height);
  sky.addColorStop(0, `hsl(${hue} 45% 45%)`);
  sky.addColorStop(0.6, `hsl(${(hue + 40) % 360} 60% 72%)`);
  sky.addColorStop(1, `hsl(${(hue + 190) % 360} 35% 30%)`);
  context.fillStyle = sky;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  const url = URL.createObjectURL(blob);
  return { url, blob, mimeType: "image/png", release: () => URL.revokeObjectURL(url) };
}

export const demoMedia: MediaAccess = {
  open: (source) => paint(source, 800),
  openThumbnail: (source, side) => paint(source, Math.max(16, Math.min(side, 800))),
  save: async () => undefined,
  inspect: async (file) => ({ kind: file.type.startsWith("image/") ? "image" : "file", mimeType: file.type, size: file.size }),
  record: async () => { throw new Problem("unknown"); },
  compress: async (file) => file,
  hash: hashFile,
  crop: async (file) => file,
  shapeSticker: async (file) => ({ file, width: 300, height: 300 }),
  scanCamera: async () => () => undefined,
  scanPicture: async () => undefined,
  usage: async () => ({ offlineBytes: 0, offlineBytesMax: 0, files: 0, siteBytes: 0, siteBytesMax: 0 }),
  clearOffline: async () => undefined,
};
