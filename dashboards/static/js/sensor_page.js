/** Where the page of one sensor stands. */

/** @param {number} id of the sensor @param {string} [commune] so that the way back is where one came from */
export const sensorPage = (id, commune = "") => `/capteur?${new URLSearchParams(Object.entries({ sensor: String(id), commune }).filter(([, value]) => value))}`;
