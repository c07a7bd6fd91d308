import { applyPiecesToBlob, blobSource } from "@/domain/media/byte_source";
import { stripMetadata } from "@/domain/media/strip_metadata";
import { hashFile } from "@/platform/media_hash";
import { sniffBlob } from "./media_check";

/** SHA-256 of a file without its metadata: the same before we send it and after, and whoever has sent it. */
export async function hashContent(file: Blob): Promise<string> {
  const type = await sniffBlob(file);
  const { pieces } = await stripMetadata(blobSource(file), type.mimeType);
  return hashFile(applyPiecesToBlob(file, pieces));
}
