import type { MatrixClient } from "matrix-js-sdk";
import {
  CryptoEvent,
  type ShowSasCallbacks,
  type ShowQrCodeCallbacks,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
  type Verifier,
  VerifierEvent,
} from "matrix-js-sdk/lib/crypto-api";
import { Problem } from "@/domain/problem";
import { Store, type Readable } from "@/domain/store";
import type { Verification } from "@/domain/verification";
import { ask } from "./failures";
import { directPeers } from "./room_facts";
import type { SavedValues } from "./saved_values";

const RUNNING_MAX = 10;
const SEEN_NAME = "verifications";
const SEEN_MAX = 100;

/** Comparisons of keys that are going on. */
export class Verifications {
  readonly #client: MatrixClient;
  readonly #store = new Store<readonly Verification[]>([]);
  readonly #running = new Map<string, RunningVerification>();
  readonly #verifiedHere: () => void;
  readonly #done = new Set<string>();

  readonly #values: SavedValues;
  /** Requests of the last time the app was open: the SDK finds them in its cache again, as if they had just been made. */
  #past: ReadonlySet<string> = new Set();
  #seen: readonly string[] = [];

  /** `verifiedHere` is called when one of our other devices and this one have compared keys. */
  constructor(client: MatrixClient, values: SavedValues, verifiedHere: () => void) {
    this.#client = client;
    this.#values = values;
    this.#verifiedHere = verifiedHere;
  }

  async load(): Promise<void> {
    const saved = await this.#values.load(SEEN_NAME);
    this.#seen = Array.isArray(saved) ? saved.filter((id) => typeof id === "string") : [];
    this.#past = new Set(this.#seen);
  }

  get readable(): Readable<readonly Verification[]> {
    return this.#store;
  }

  start(): void {
    this.#client.on(CryptoEvent.VerificationRequestReceived, (request) => void (this.#past.has(request.transactionId ?? "") || this.#add(request)));
  }

  /** Asks a person, one of our other devices, or all of them. Gives the verification's ID. */
  async request(target: { readonly userId: string } | { readonly deviceId: string } | "own-devices"): Promise<string> {
    const crypto = this.#client.getCrypto();
    if (!crypto) throw new Problem("keys_loading");
    if (target === "own-devices") return this.#add(await ask(crypto.requestOwnUserVerification()));
    if ("deviceId" in target) return this.#add(await ask(crypto.requestDeviceVerification(this.#client.getSafeUserId(), target.deviceId)));
    const roomId = [...directPeers(this.#client)].find(([id, peer]) => peer === target.userId && this.#client.getRoom(id)?.getMyMembership() === "join")?.[0];
    if (roomId === undefined) throw new Problem("no_direct_chat");
    return this.#add(await ask(crypto.requestVerificationDM(target.userId, roomId)));
  }

  #add(request: VerificationRequest): string {
    const id = request.transactionId ?? crypto.randomUUID();
    if (this.#running.has(id) || this.#running.size >= RUNNING_MAX) return id;
    const running = new RunningVerification(id, request, () => this.#publish(), () => this.#dismiss(id));
    this.#running.set(id, running);
    this.#seen = [...this.#seen, id].slice(-SEEN_MAX);
    this.#values.save(SEEN_NAME, this.#seen);
    this.#publish();
    return id;
  }

  #dismiss(id: string): void {
    this.#running.delete(id);
    this.#publish();
  }

  #publish(): void {
    const all = [...this.#running.values()].map((running) => running.view());
    for (const { id, isOwnDevice, step } of all) {
      if (!isOwnDevice || step.name !== "done" || this.#done.has(id)) continue;
      this.#done.add(id);
      this.#verifiedHere();
    }
    this.#store.set(all);
  }
}

class RunningVerification {
  readonly #id: string;
  readonly #request: VerificationRequest;
  readonly #changed: () => void;
  readonly #dismiss: () => void;
  #verifier: Verifier | undefined;
  #sas: ShowSasCallbacks | undefined;
  #scanned: ShowQrCodeCallbacks | undefined;
  #qrCode: Uint8ClampedArray | undefined;
  #making: Promise<void> | undefined;
  #confirmed = false;

  constructor(id: string, request: VerificationRequest, changed: () => void, dismiss: () => void) {
    this.#id = id;
    this.#request = request;
    this.#changed = changed;
    this.#dismiss = dismiss;
    request.on(VerificationRequestEvent.Change, () => this.#follow());
    this.#follow();
  }

  view(): Verification {
    const request = this.#request;
    return {
      id: this.#id,
      userId: request.otherUserId,
      isOwnDevice: request.isSelfVerification,
      ...(request.otherDeviceId === undefined ? {} : { deviceId: request.otherDeviceId }),
      startedByMe: request.initiatedByMe,
      step: this.#step(),
      accept: () => ask(request.accept()),
      compareEmoji: () => this.#begin(() => request.startVerification("m.sas.v1")),
      scan: (code) => this.#begin(() => request.scanQRCode(code)),
      confirm: () => this.#confirm(),
      mismatch: () => (this.#sas ? this.#sas.mismatch() : this.#scanned?.cancel()),
      cancel: () => ask(request.cancel()),
      dismiss: this.#dismiss,
    };
  }

  #step(): Verification["step"] {
    const request = this.#request;
    switch (request.phase) {
      case VerificationPhase.Unsent:
      case VerificationPhase.Requested:
        return { name: request.initiatedByMe ? "asked" : request.accepting ? "working" : "asking" };
      case VerificationPhase.Ready:
        return { name: "choose", canScan: request.otherPartySupportsMethod("m.qr_code.show.v1"), ...(this.#qrCode ? { qrCode: this.#qrCode } : {}) };
      case VerificationPhase.Started:
        if (this.#confirmed) return { name: "working" };
        if (this.#scanned) return { name: "scanned" };
        return this.#sas?.sas.emoji ? { name: "emoji", emoji: this.#sas.sas.emoji } : { name: "working" };
      case VerificationPhase.Done:
        return { name: "done" };
      case VerificationPhase.Cancelled:
        return { name: "cancelled", reason: cancelReason(request.cancellationCode) };
    }
  }

  #follow(): void {
    const { phase, verifier } = this.#request;
    // Once only: the crypto takes a second code for an attack and cancels everything.
    if (phase === VerificationPhase.Ready) this.#making ??= this.#makeCode();
    if (verifier && verifier !== this.#verifier) this.#run(verifier);
    this.#changed();
  }

  async #makeCode(): Promise<void> {
    this.#qrCode = await this.#request.generateQRCode().catch(() => undefined);
    if (this.#qrCode) this.#changed();
  }

  /** Not before our own code is made: one that comes into what has begun is taken for an attack too. */
  async #begin(start: () => Promise<Verifier>): Promise<void> {
    await this.#making;
    this.#run(await ask(start()));
  }

  #run(verifier: Verifier): void {
    if (verifier === this.#verifier) return;
    this.#verifier = verifier;
    this.#sas = verifier.getShowSasCallbacks() ?? undefined;
    this.#scanned = verifier.getReciprocateQrCodeCallbacks() ?? undefined;
    verifier.on(VerifierEvent.ShowSas, (sas) => {
      this.#sas = sas;
      this.#changed();
    });
    verifier.on(VerifierEvent.ShowReciprocateQr, (scanned) => {
      this.#scanned = scanned;
      this.#changed();
    });
    // Its end shows in the request's phase.
    verifier.verify().then(this.#changed, this.#changed);
    this.#changed();
  }

  async #confirm(): Promise<void> {
    this.#confirmed = true;
    this.#changed();
    if (this.#sas) await ask(this.#sas.confirm());
    else this.#scanned?.confirm();
  }
}

function cancelReason(code: string | null): "mismatch" | "timeout" | "declined" | "other" {
  switch (code) {
    case "m.mismatched_sas":
    case "m.key_mismatch":
    case "m.mismatched_commitment":
      return "mismatch";
    case "m.timeout":
      return "timeout";
    case "m.user":
      return "declined";
    default:
      return "other";
  }
}
