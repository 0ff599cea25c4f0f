/** An address that names a series and no commune is completed: whoever links to a series need not know where it is. */

import { read } from "./api.js";
import { get, put } from "./url.js";

/** Put the commune of the addressed series into the address; one that is not there, or not to be seen, changes nothing. */
export async function completeAddress() {
  if (!get("series") || get("commune")) return;
  try {
    const { sensor_id: id } = await read(`/series/${encodeURIComponent(get("series"))}`);
    const { site } = await read(`/sensors/${id}`);
    put({ commune: site.commune_insee });
  } catch {
    put({ series: "" });
  }
}
