/** geo: URIs (RFC 5870), and coordinates as people read them: no map of anybody else is ever loaded. */

export interface Coordinates {
  readonly latitude: number;
  readonly longitude: number;
  /** Metres; undefined if not told. */
  readonly uncertaintyM?: number;
}

export const GEO_URI_LENGTH_MAX = 200;
const GEO = /^geo:(-?\d{1,3}(?:\.\d{1,15})?),(-?\d{1,3}(?:\.\d{1,15})?)(?:,-?\d{1,8}(?:\.\d{1,15})?)?((?:;[^;]{0,60}){0,8})$/iu;

export function parseGeoUri(uri: string): Coordinates | undefined {
  if (uri.length > GEO_URI_LENGTH_MAX) return undefined;
  const parts = GEO.exec(uri.trim());
  if (parts === null) return undefined;
  const latitude = Number(parts[1]);
  const longitude = Number(parts[2]);
  if (!isCoordinates(latitude, longitude)) return undefined;
  const crs = /;crs=([^;]*)/iu.exec(parts[3] ?? "")?.[1];
  if (crs !== undefined && crs.toLowerCase() !== "wgs84") return undefined;
  const uncertainty = Number(/;u=(\d{1,9}(?:\.\d{1,9})?)(?:;|$)/iu.exec(parts[3] ?? "")?.[1] ?? Number.NaN);
  return { latitude, longitude, ...(Number.isFinite(uncertainty) ? { uncertaintyM: uncertainty } : {}) };
}

export function isCoordinates(latitude: number, longitude: number): boolean {
  return Number.isFinite(latitude) && Number.isFinite(longitude) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

/** Six decimals are 11 cm: more would only feign precision. */
export function buildGeoUri({ latitude, longitude, uncertaintyM }: Coordinates): string {
  const uncertainty = uncertaintyM === undefined ? "" : `;u=${Math.max(0, Math.round(uncertaintyM))}`;
  return `geo:${Number(latitude.toFixed(6))},${Number(longitude.toFixed(6))}${uncertainty}`;
}

export interface Sexagesimal {
  readonly degrees: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly side: "north" | "south" | "east" | "west";
}

/** 24.7136 → 24° 42′ 49″ north. */
export function toSexagesimal(value: number, axis: "latitude" | "longitude"): Sexagesimal {
  const total = Math.round(Math.abs(value) * 3_600);
  const positive = axis === "latitude" ? "north" : "east";
  const negative = axis === "latitude" ? "south" : "west";
  return { degrees: Math.floor(total / 3_600), minutes: Math.floor((total % 3_600) / 60), seconds: total % 60, side: value < 0 ? negative : positive };
}

/** "24.71360, 46.67530", always left to right and in Latin digits, as other programs read it. */
export function formatDecimal({ latitude, longitude }: Coordinates): string {
  return `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
}

const EARTH_RADIUS_M = 6_371_008.8;

/** Metres on the great circle. */
export function distanceM(a: Coordinates, b: Coordinates): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = Math.sin(radians(b.latitude - a.latitude) / 2) ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** Direction from a to b in degrees clockwise from north, for an arrow instead of a map. */
export function bearingDegrees(a: Coordinates, b: Coordinates): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const turn = radians(b.longitude - a.longitude);
  const y = Math.sin(turn) * Math.cos(radians(b.latitude));
  const x = Math.cos(radians(a.latitude)) * Math.sin(radians(b.latitude)) - Math.sin(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.cos(turn);
  return (Math.atan2(y, x) * (180 / Math.PI) + 360) % 360;
}
