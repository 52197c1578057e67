/** What a reservation is kept under: beside its bucket, in the same slot of a cluster. */
export const reservationKey = (bucket: string, id: string): string => `${bucket}:r:${id}`;

/** The name of a bucket ends with a brace, so a reservation is never one. */
export const isReservationKey = (key: string): boolean => !key.endsWith('}');
