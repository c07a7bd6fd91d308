// One device of matrix-js-sdk with its Rust crypto, driven over JSON lines.
//
//   in:  {"id": 1, "method": "send_text", "params": {...}}
//   out: {"id": 1, "result": ...}  or  {"id": 1, "error": "..."}
//
// Everything the SDK logs goes to stderr: stdout carries the protocol only.
import { createInterface } from "node:readline";

for (const level of ["log", "info", "debug", "trace", "warn", "error"]) {
    console[level] = (...parts) => process.stderr.write(`${parts.map(String).join(" ")}\n`);
}
const sdk = await import("matrix-js-sdk");
const { decodeRecoveryKey, CryptoEvent, VerifierEvent, VerificationPhase, VerificationRequestEvent } = await import(
    "matrix-js-sdk/lib/crypto-api/index.js"
);

const WAIT_MS_MAX = 30_000;
const ALGORITHM = "m.megolm.v1.aes-sha2";

let client = null;
let session = null;
let secretStorageKey = null;
let verificationRequest = null;
let verifier = null;
let sas = null;
let verified = null;

// Ask `find` again after every event of every kind, until it gives something; bounded, and says what it waited for.
async function waitFor(what, find) {
    const deadline = Date.now() + WAIT_MS_MAX;
    for (;;) {
        const found = await find();
        if (found) return found;
        if (Date.now() > deadline) throw new Error(`${client.getUserId()} waited ${WAIT_MS_MAX} ms for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

function connect(base, answer) {
    session = { base, ...answer };
    client = sdk.createClient({
        baseUrl: base,
        userId: answer.user_id,
        deviceId: answer.device_id,
        accessToken: answer.access_token,
        verificationMethods: ["m.sas.v1"],
        cryptoCallbacks: {
            getSecretStorageKey: async ({ keys }) => {
                const keyId = Object.keys(keys)[0];
                return secretStorageKey && keyId ? [keyId, secretStorageKey] : null;
            },
            cacheSecretStorageKey: (keyId, info, key) => {
                secretStorageKey = key;
            },
        },
    });
    return { user_id: answer.user_id, device_id: answer.device_id };
}

function room(roomId) {
    const found = client.getRoom(roomId);
    if (!found) throw new Error(`${roomId} is not known to ${client.getUserId()}`);
    return found;
}

function describe(event) {
    return {
        event_id: event.getId(),
        sender: event.getSender(),
        type: event.getType(),
        wire_type: event.getWireType(),
        content: event.getContent(),
        decrypted: event.isEncrypted() && event.getClearContent() !== null && !event.isDecryptionFailure(),
        failure: event.isDecryptionFailure() ? event.decryptionFailureReason : null,
        redacted: event.isRedacted(),
    };
}

function findEvent(roomId, eventId) {
    return client.getRoom(roomId)?.findEventById(eventId) ?? null;
}

function watchSas(running) {
    verifier = running;
    verifier.on(VerifierEvent.ShowSas, (callbacks) => {
        sas = callbacks;
    });
    verified = verifier.verify().then(
        () => ({ done: true }),
        (error) => ({ done: false, error: String(error) }),
    );
}

const methods = {
    async register({ base, username, password }) {
        const anonymous = sdk.createClient({ baseUrl: base });
        const body = { username, password, initial_device_display_name: "matrix-js-sdk" };
        let answer;
        try {
            answer = await anonymous.registerRequest(body);
        } catch (error) {
            if (error.httpStatus !== 401) throw error;
            const auth = { type: "m.login.dummy", session: error.data.session };
            answer = await anonymous.registerRequest({ ...body, auth });
        }
        return connect(base, answer);
    },

    async login({ base, user, password }) {
        const anonymous = sdk.createClient({ baseUrl: base });
        const identifier = { type: "m.id.user", user };
        const answer = await anonymous.loginRequest({ type: "m.login.password", identifier, password });
        return connect(base, answer);
    },

    async start() {
        await client.initRustCrypto({ useIndexedDB: false });
        client.on(CryptoEvent.VerificationRequestReceived, (request) => {
            verificationRequest = request;
        });
        await client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true, pollTimeout: 10_000 });
        await waitFor("the first sync", () => client.isInitialSyncComplete());
        return client.getCrypto().getVersion();
    },

    async stop() {
        client?.stopClient();
    },

    async create_encrypted_room({ invite }) {
        const initial_state = [{ type: "m.room.encryption", state_key: "", content: { algorithm: ALGORITHM } }];
        const { room_id } = await client.createRoom({ preset: "private_chat", invite, initial_state });
        await waitFor("its own encrypted room", () => client.getRoom(room_id)?.hasEncryptionStateEvent());
        return room_id;
    },

    async accept_invite({ room_id }) {
        await waitFor("the invitation", () => client.getRoom(room_id)?.getMyMembership() === "invite");
        await client.joinRoom(room_id);
        await waitFor("the joined room", () => {
            const joined = client.getRoom(room_id);
            return joined?.getMyMembership() === "join" && joined.hasEncryptionStateEvent();
        });
    },

    async wait_for_members({ room_id, user_ids }) {
        await waitFor(`${user_ids} joined`, () => {
            const joined = room(room_id).getJoinedMembers().map((member) => member.userId);
            return user_ids.every((userId) => joined.includes(userId));
        });
        await waitFor(`devices of ${user_ids}`, async () => {
            const devices = await client.getCrypto().getUserDeviceInfo(user_ids, true);
            return user_ids.every((userId) => devices.get(userId)?.size);
        });
    },

    async send_text({ room_id, body }) {
        return (await client.sendTextMessage(room_id, body)).event_id;
    },

    async react({ room_id, event_id, key }) {
        const relation = { rel_type: "m.annotation", event_id, key };
        return (await client.sendEvent(room_id, "m.reaction", { "m.relates_to": relation })).event_id;
    },

    async edit_text({ room_id, event_id, body }) {
        const content = {
            msgtype: "m.text",
            body: `* ${body}`,
            "m.new_content": { msgtype: "m.text", body },
            "m.relates_to": { rel_type: "m.replace", event_id },
        };
        return (await client.sendEvent(room_id, "m.room.message", content)).event_id;
    },

    async redact({ room_id, event_id }) {
        return (await client.redactEvent(room_id, event_id)).event_id;
    },

    async wait_for_decrypted({ room_id, event_id }) {
        const event = await waitFor(`${event_id} to be decrypted`, () => {
            const found = findEvent(room_id, event_id);
            return found && describe(found).decrypted ? found : null;
        });
        return describe(event);
    },

    // The failure is final only once the SDK has tried: it reports it on the event.
    async wait_for_undecryptable({ room_id, event_id }) {
        const event = await waitFor(`${event_id} to fail to decrypt`, () => {
            const found = findEvent(room_id, event_id);
            return found?.isDecryptionFailure() ? found : null;
        });
        return describe(event);
    },

    async wait_for_edit({ room_id, event_id, body }) {
        await waitFor(`${event_id} to be edited to ${body}`, () => findEvent(room_id, event_id)?.getContent().body === body);
    },

    async wait_for_redaction({ room_id, event_id }) {
        await waitFor(`${event_id} to be redacted`, () => findEvent(room_id, event_id)?.isRedacted());
    },

    async wait_for_reaction({ room_id, event_id, key }) {
        return waitFor(`a reaction ${key} to ${event_id}`, () => {
            const reactions = room(room_id).relations.getChildEventsForEvent(event_id, "m.annotation", "m.reaction");
            const found = reactions?.getRelations().find((reaction) => reaction.getRelation()?.key === key);
            return found ? describe(found) : null;
        });
    },

    async bootstrap_cross_signing({ password }) {
        await client.getCrypto().bootstrapCrossSigning({
            setupNewCrossSigning: true,
            authUploadDeviceSigningKeys: async (makeRequest) => {
                try {
                    return await makeRequest(null);
                } catch (error) {
                    if (error.httpStatus !== 401) throw error;
                    const identifier = { type: "m.id.user", user: session.user_id };
                    await makeRequest({ type: "m.login.password", identifier, password, session: error.data.session });
                }
            },
        });
        return client.getCrypto().isCrossSigningReady();
    },

    // Returns the recovery key that a person would write down.
    async bootstrap_secret_storage() {
        const key = await client.getCrypto().createRecoveryKeyFromPassphrase();
        await client.getCrypto().bootstrapSecretStorage({
            setupNewSecretStorage: true,
            setupNewKeyBackup: true,
            createSecretStorageKey: async () => key,
        });
        return key.encodedPrivateKey;
    },

    async secret_storage_status() {
        const crypto = client.getCrypto();
        return {
            secret_storage_ready: await crypto.isSecretStorageReady(),
            cross_signing_ready: await crypto.isCrossSigningReady(),
            backup_version: await crypto.getActiveSessionBackupVersion(),
        };
    },

    async wait_for_backup({ sessions }) {
        return waitFor(`${sessions} sessions in the key backup`, async () => {
            // Asked of the server itself: the SDK caches what it once read.
            const info = await client.http.authedRequest("GET", "/room_keys/version", undefined, undefined, {
                prefix: "/_matrix/client/v3",
            });
            return info.count >= sessions ? info.count : null;
        });
    },

    // What a person does on a new device: enter the recovery key.
    async recover({ recovery_key }) {
        const crypto = client.getCrypto();
        secretStorageKey = decodeRecoveryKey(recovery_key);
        await crypto.userHasCrossSigningKeys(session.user_id, true); // reads the public keys that the private ones must match
        await crypto.bootstrapCrossSigning({});
        await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
        await crypto.checkKeyBackupAndEnable();
        const { total, imported } = await crypto.restoreKeyBackup();
        return { total, imported };
    },

    async is_signed_by_owner({ user_id, device_id }) {
        const status = await client.getCrypto().getDeviceVerificationStatus(user_id, device_id);
        return status?.signedByOwner ?? false;
    },

    async wait_for_signed_by_owner({ user_id, device_id }) {
        await waitFor(`${device_id} of ${user_id} to be cross-signed`, () =>
            methods.is_signed_by_owner({ user_id, device_id }),
        );
    },

    async request_own_verification() {
        verificationRequest = await client.getCrypto().requestOwnUserVerification();
    },

    async accept_verification() {
        await waitFor("a verification request", () => verificationRequest);
        await verificationRequest.accept();
    },

    async start_sas() {
        await waitFor("the request to be accepted", () => verificationRequest?.phase === VerificationPhase.Ready);
        watchSas(await verificationRequest.startVerification("m.sas.v1"));
    },

    async join_sas() {
        await waitFor("the verification to start", () => verificationRequest?.verifier);
        watchSas(verificationRequest.verifier);
    },

    // The side that did not start it agrees to compare emoji: verify() of `join_sas` has sent the accept already.
    async sas_emoji() {
        await waitFor("the emoji", () => sas);
        return sas.sas.emoji.map(([emoji]) => emoji);
    },

    async confirm_sas() {
        await sas.confirm();
        const outcome = await verified;
        if (!outcome.done) throw new Error(`verification failed: ${outcome.error}`);
    },

    // Secrets gossiped by the device that verified this one.
    async wait_for_gossiped_secrets() {
        const crypto = client.getCrypto();
        await waitFor("the cross-signing keys from the other device", () => crypto.isCrossSigningReady());
        await waitFor("the backup key from the other device", () => crypto.getSessionBackupPrivateKey());
        await crypto.checkKeyBackupAndEnable();
        return crypto.getActiveSessionBackupVersion();
    },

    async restore_backup() {
        const { total, imported } = await client.getCrypto().restoreKeyBackup();
        return { total, imported };
    },
};

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
    const { id, method, params } = JSON.parse(line);
    let answer;
    try {
        answer = { id, result: (await methods[method](params)) ?? null };
    } catch (error) {
        answer = { id, error: `${method}: ${error?.stack ?? error}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
});
lines.on("close", () => process.exit(0));
