/** Real pictures, sounds and films, made by the browser itself. */

export async function makePicture(width: number, height: number, hue: number, type = "image/jpeg"): Promise<File> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  const sky = context.createLinearGradient(0, 0, width, height);
  sky.addColorStop(0, `hsl(${hue} 70% 75%)`);
  sky.addColorStop(1, `hsl(${hue + 60} 60% 35%)`);
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  for (let at = 0; at < 40; at++) {
    context.fillStyle = `hsl(${hue + at * 7} 60% ${30 + (at % 5) * 10}% / 0.6)`;
    context.beginPath();
    context.arc(((at * 131) % 100) * width / 100, ((at * 67) % 100) * height / 100, (at % 7 + 2) * width / 100, 0, 7);
    context.fill();
  }
  return new File([await canvas.convertToBlob({ type, quality: 0.95 })], `picture-${hue}.${type.split("/")[1]}`, { type });
}

export function makeSound(seconds: number): File {
  const rate = 16_000;
  const count = rate * seconds;
  const view = new DataView(new ArrayBuffer(44 + count * 2));
  const text = (at: number, value: string): void => [...value].forEach((char, index) => view.setUint8(at + index, char.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + count * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, count * 2, true);
  for (let at = 0; at < count; at++) {
    const second = at / rate;
    view.setInt16(44 + at * 2, Math.sin(second * 2_000) * Math.abs(Math.sin(second * 3.1) * Math.sin(second * 1.3)) * 20_000, true);
  }
  return new File([view.buffer], "voice.wav", { type: "audio/wav" });
}

const FILM_PICTURES_MIN = 20;

/** A film of a moving square, written live: it has no length in its header. */
export async function makeFilm(ms: number): Promise<File> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 180];
  const context = canvas.getContext("2d")!;
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
  const chunks: Blob[] = [];
  recorder.ondataavailable = (event) => chunks.push(event.data);
  const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve));
  recorder.start();
  const began = performance.now();
  // Pictures too are counted: a machine that stalls for so long would have one only.
  for (let drawn = 0; drawn < FILM_PICTURES_MIN || performance.now() - began < ms; drawn += 1) {
    context.fillStyle = "#1d6a66";
    context.fillRect(0, 0, 320, 180);
    context.fillStyle = "#f0c060";
    context.fillRect(Math.min(1, (performance.now() - began) / ms) * 260, 60, 60, 60);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  recorder.stop();
  await stopped;
  return new File(chunks, "film.webm", { type: "video/webm" });
}
