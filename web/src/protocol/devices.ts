import type { MatrixClient } from "matrix-js-sdk";
import type { Devices } from "@/domain/account_settings";
import { ask } from "./failures";
import { withPassword } from "./password_auth";

export function buildDevices(client: MatrixClient): Devices {
  return {
    async list() {
      const userId = client.getSafeUserId();
      const { devices } = await ask(client.getDevices());
      return Promise.all(
        devices.map(async (device) => {
          const status = await client.getCrypto()?.getDeviceVerificationStatus(userId, device.device_id);
          return {
            deviceId: device.device_id,
            name: device.display_name ?? device.device_id,
            current: device.device_id === client.getDeviceId(),
            verified: status?.signedByOwner ?? false,
            ...(device.last_seen_ts === undefined ? {} : { lastSeenAt: device.last_seen_ts }),
            ...(device.last_seen_ip === undefined ? {} : { lastSeenIp: device.last_seen_ip }),
          };
        }),
      );
    },
    rename: async (deviceId, name) => void (await ask(client.setDeviceDetails(deviceId, { display_name: name }))),
    logOut: async (deviceIds, password) => void (await withPassword(client, password, (auth) => client.deleteMultipleDevices([...deviceIds], auth))),
  };
}
