import { parseStickers, type PackPlace, type StickerImage, type StickerPack, type StickerPicture, type Stickers, noteSticker, withoutSticker, withRenamed, withSticker } from "@/domain/stickers";
import { Store } from "@/domain/store";

const OWN = ["Good morning", "صباح الخير", "A pigeon in love", "Thumbs up, but a wing", "قهوة؟"];
const ROOM = ["Racing day", "Home again", "يوم السباق", "Lost feather", "Grain, please"];

function fill(names: readonly string[], at: number): object {
  return names.reduce<object>((content, name, each) => withSticker(content, name, { url: `mxc://demo/sticker${at}${each}`, info: { mimetype: "image/webp", size: 9_000, w: 300, h: 300 } }), {});
}

/** Packs in memory; `many` are more than fit on the screen. */
export class DemoStickers implements Stickers {
  readonly recent = new Store<readonly string[]>([]);
  readonly #contents = new Map<string, object>([["own", {}], ["room", {}]]);
  readonly #packs = new Store<readonly StickerPack[]>([]);
  readonly #everywhere = new Set<string>();

  constructor(filled: boolean, many = 0) {
    if (filled) {
      this.#contents.set("own", fill([...OWN, ...Array.from({ length: many }, (_, at) => `Sticker ${at}`)], 0));
      this.#contents.set("room", fill(ROOM, 1));
      this.recent.set(["mxc://demo/sticker12", "mxc://demo/sticker01"]);
    }
    this.#build();
  }

  packsOf(): Store<readonly StickerPack[]> {
    return this.#packs;
  }

  noteUse(sticker: StickerImage): void { this.recent.update((list) => noteSticker(list, sticker.source.mxc)); }
  async add(place: PackPlace, { file, width, height }: StickerPicture, name: string): Promise<void> {
    this.#change(place, (content) => withSticker(content, name, { url: `mxc://demo/new${Math.random().toString(36).slice(2)}`, info: { mimetype: file.type, size: file.size, w: width, h: height } }));
  }
  async rename(place: PackPlace, code: string, name: string): Promise<void> { this.#change(place, (content) => withRenamed(content, code, name)); }
  async remove(place: PackPlace, code: string): Promise<void> { this.#change(place, (content) => withoutSticker(content, code)); }
  async setEverywhere(_place: PackPlace, on: boolean): Promise<void> {
    if (on) this.#everywhere.add("room");
    else this.#everywhere.delete("room");
    this.#build();
  }

  #change(place: PackPlace, change: (content: object) => object): void {
    const key = place === "own" ? "own" : "room";
    this.#contents.set(key, change(this.#contents.get(key)!));
    this.#build();
  }

  #build(): void {
    const pack = (id: string, place: PackPlace, name: string): StickerPack => ({ id, place, name, stickers: parseStickers(this.#contents.get(id)), mayChange: true, isEverywhere: place === "own" || this.#everywhere.has(id) });
    this.#packs.set([pack("own", "own", ""), pack("room", { roomId: "!showcase:demo", stateKey: "" }, "Pigeon fanciers – هواة الحمام")]);
  }
}
