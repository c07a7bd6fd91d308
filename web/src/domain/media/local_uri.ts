/** A host that cannot exist (RFC 2606). */
const LOCAL_HOST = "mxc://local.invalid/";

/** The URI under which an item of the send queue shows its file before the server has it. */
export function localUri(queueId: string): string {
  return LOCAL_HOST + queueId.replaceAll(/[^A-Za-z0-9_-]/g, "-");
}

export function isLocalUri(mxc: string): boolean {
  return mxc.startsWith(LOCAL_HOST);
}
