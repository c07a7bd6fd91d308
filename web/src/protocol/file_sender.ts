import type { MatrixClient } from "matrix-js-sdk";
import type { QueueItem } from "@/domain/send_queue";
import { prepareFile } from "./media_prepare";
import { sendMedia } from "./media_send";
import type { FileSender } from "./send_runner";
import type { SessionTokens } from "./session_tokens";

/** Cleans, encrypts and uploads the files of the queue. */
export function buildFileSender(client: MatrixClient, tokens: SessionTokens): FileSender {
  const server = { baseUrl: client.baseUrl, accessToken: () => tokens.accessToken() };
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
