import { localUri } from "@/domain/media/local_uri";

/**
 * Files that are still on their way out, so that a picture is seen in the chat before the server has it. They are named like media;
 * whoever sends such a URI to us names nothing, and no server is asked for it.
 */
const files = new Map<string, Blob>();

export function keepLocalFile(queueId: string, file: Blob): void {
  files.set(localUri(queueId), file);
}

export function dropLocalFile(queueId: string): void {
  files.delete(localUri(queueId));
}

export function findLocalFile(mxc: string): Blob | undefined {
  return files.get(mxc);
}
