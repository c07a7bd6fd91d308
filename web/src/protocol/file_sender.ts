import type { MatrixClient } from "matrix-js-sdk";
import type { QueueItem } from "@/domain/send_queue";
import { type MediaServer, uploadMedia } from "@/platform/media_upload";
import { prepareFile } from "./media_prepare";
import { mediaProblem } from "./media_problems";
import { sendMedia } from "./media_send";
import type { FileSender } from "./send_runner";
import type { SessionTokens } from "./session_tokens";

/** Uploads a file as it is, without a name, and gives its address; fails with a Problem. */
export function buildUpload(client: MatrixClient, tokens: SessionTokens): (file: Blob) => Promise<string> {
  const server = mediaServer(client, tokens);
  return (file) => uploadMedia(server, file).catch((error: unknown) => Promise.reject(mediaProblem(error)));
}

function mediaServer(client: MatrixClient, tokens: SessionTokens): MediaServer {
  return { baseUrl: client.baseUrl, accessToken: () => tokens.accessToken() };
}

/** Cleans, encrypts and uploads the files of the queue. */
export function buildFileSender(client: MatrixClient, tokens: SessionTokens): FileSender {
  const server = mediaServer(client, tokens);
  return {
    async prepare(item: QueueItem, file, encrypted, onProgress, signal) {
      const known = item.file ?? { kind: "file" as const, name: "" };
      const prepared = await prepareFile({ ...known, file });
      const media = await sendMedia(server, prepared, { encrypted, signal, onProgress });
      // Words beside the file stand in `body`, as the item has them already.
      return { ...item.content, ...media, ...(typeof item.content["body"] === "string" ? { body: item.content["body"] } : {}) };
    },
  };
}
