/** Samples per second that a waveform is computed from: enough for loudness, 6 times fewer than in the file. */
const RATE = 8_000;

/** A sound file as one channel of samples; undefined if the browser cannot decode it. The caller bounds the file's size. */
export async function decodeSamples(file: Blob): Promise<Float32Array | undefined> {
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    const buffer = await context.decodeAudioData(await file.arrayBuffer());
    return buffer.getChannelData(0);
  } catch {
    return undefined;
  }
}
