/**
 * Files that are still on their way out, so that a picture is seen in the chat before the server has it. They are named like media, under a host
 * that cannot exist (RFC 2606); whoever sends such a URI to us names nothing, and no server is asked for it.
 */
const LOCAL_HOST = "mxc://local.invalid/";
const files = new Map<string, Blob>();

/** The URI under which an item of the send queue shows its file. */
export function localUri(queueId: string): string {
  return LOCAL_HOST + queueId.replaceAll(/[^A-Za-z0-9_-]/g, "-");
}

export function isLocalUri(mxc: string): boolean {
  return mxc.startsWith(LOCAL_HOST);
}

export function keepLocalFile(queueId: string, file: Blob): void {
  files.set(localUri(queueId), file);
}

export function dropLocalFile(queueId: string): void {
  files.delete(localUri(queueId));
}

export function findLocalFile(mxc: string): Blob | undefined {
  return files.get(mxc);
}
