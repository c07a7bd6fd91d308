import type { OutgoingFile } from "@/domain/engine";
import type { MediaServer } from "@/platform/media_upload";
import { prepareFile } from "./media_prepare";
import { sendMedia, type SendMediaOptions } from "./media_send";

/**
 * A chosen file, cleaned, encrypted and uploaded, as the content of its event (without relations and without Zajil's own fields).
 * Fails with a Problem (the file itself) or a MediaFailure (the way); `mayRetryMedia` tells which is worth another try.
 */
export async function uploadOutgoing(server: MediaServer, outgoing: Pick<OutgoingFile, "file" | "name" | "kind" | "durationMs" | "waveform" | "caption">, options: Omit<SendMediaOptions, "caption">): Promise<Record<string, unknown>> {
  const prepared = await prepareFile(outgoing);
  return sendMedia(server, prepared, outgoing.caption ? { ...options, caption: outgoing.caption } : options);
}
