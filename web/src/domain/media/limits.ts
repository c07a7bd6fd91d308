/** Bounds of media, so that no file of anybody's can exhaust a tab. All sizes in bytes unless the name says otherwise. */

/** Decoded pixels of a picture that we show or re-encode: 64 MP take 256 MB while decoded. */
export const PICTURE_PIXELS_MAX = 64_000_000;
/** A longer side than this is refused by graphics hardware. */
export const PICTURE_SIDE_MAX = 16_384;
export const PICTURE_BYTES_MAX = 64 * 1024 * 1024;
/** Animated pictures: pixels of a frame times frames. */
export const ANIMATION_PIXELS_MAX = 2_000_000_000;

/** Longer side, in pixels, of a picture sent compressed, and of our own encrypted thumbnails. */
export const COMPRESSED_SIDE_MAX = 2_048;
export const THUMBNAIL_SIDE_MAX = 800;
export const STICKER_SIDE_MAX = 512;
/** A moving sticker that is larger is sent standing still: it would be fetched with every pack that is opened. */
export const STICKER_MOVING_BYTES_MAX = 512 * 1024;
/** A picture below this needs no thumbnail: it is one. */
export const THUMBNAIL_WORTH_BYTES = 80 * 1024;

/** Sound files above this are not decoded for a waveform. */
export const WAVEFORM_SOURCE_BYTES_MAX = 24 * 1024 * 1024;
export const WAVEFORM_POINTS = 64;
/** Full scale of a waveform's points in `org.matrix.msc1767.audio`. */
export const WAVEFORM_SCALE = 1_024;

export const ALBUM_ITEMS_MIN = 2;
export const ALBUM_ITEMS_MAX = 10;
/** Files taken into one send dialog. */
export const SEND_FILES_MAX = 30;

export const VOICE_DURATION_MS_MAX = 30 * 60_000;
/** Shorter recordings are a slip of the finger. From there on the clock beside a recording shows a second, and what is shown can be sent. */
export const VOICE_DURATION_MS_MIN = 500;

/** Blob URLs kept in memory; media kept on disk for reading offline. */
export const MEMORY_CACHE_BYTES_MAX = 128 * 1024 * 1024;
export const OFFLINE_BYTES_MAX = 512 * 1024 * 1024;
/** One file above this is not kept for offline reading, and is streamed to disk instead of shown. */
export const OFFLINE_ITEM_BYTES_MAX = 64 * 1024 * 1024;
/** Larger files are not looked at by the forward guard: hashing them would take longer than it is worth. */
export const HASHED_BYTES_MAX = 512 * 1024 * 1024;
