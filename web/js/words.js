// Words and numbers: names of rarities, money, dates, counts. Plain English, in one place.

export const RARITY = /** @type {Record<string, string>} */ ({
  UR: 'Ultra Rare', PScR: 'Prismatic Secret Rare', ScR: 'Secret Rare', SR: 'Super Rare', OP: 'Over-frame',
  UtR: 'Ultimate Rare', EA: 'Extended Art', GMR: 'Grand Master Rare', CR: 'Collector’s Rare',
});

/** @param {string} rarity */
export const rarityName = (rarity) => RARITY[rarity] || rarity;

const NOT_TEXT = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** What a server calls something, as one line without control and direction characters. @param {unknown} text @param {number} [max] */
export const clean = (text, max = 300) =>
  typeof text === 'string' ? text.replace(NOT_TEXT, ' ').replace(/\s+/g, ' ').trim().slice(0, max) : '';

/** "Lantern Goldfish (UR)?" -> name, rarity, unsure. @param {string} label */
export function splitLabel(label) {
  const unsure = /\?\s*$/.test(label), text = label.replace(/\?\s*$/, '').trim();
  const found = /^(.*\S)\s*\(([^()]{1,24})\)$/.exec(text);
  return { name: found ? found[1] : text, rarity: found ? found[2] : '', unsure };
}

/** @param {{name: string, rarity: string}} thing */
export const labelOf = (thing) => thing.name + (thing.rarity ? ` (${thing.rarity})` : '');

/** "UR · LOCH-JP009" @param {{rarity: string, code: string}} thing */
export const shortKind = (thing) => [thing.rarity, thing.code].filter(Boolean).join(' · ');
/** "Ultra Rare · LOCH-JP009" @param {{rarity: string, code: string}} thing */
export const longKind = (thing) => [rarityName(thing.rarity), thing.code].filter(Boolean).join(' · ');

const COUNT = new Intl.NumberFormat('en'), DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = one + 's') => `${COUNT.format(n)} ${n === 1 ? one : many}`;

const NUMBERS = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];
/** @param {number} n */
export const inWords = (n) => NUMBERS[n] || String(n);

/* ---------- money ---------- */

/** What amounts are shown in, and how to get there; settings and /api/info set it. */
export const purse = /** @type {{currency: string, rates: Info['rates'], date: string}} */ ({ currency: 'USD', rates: null, date: '' });

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/** @param {number} amount @param {string} [currency] */
export function money(amount, currency = purse.currency) {
  let format = formats.get(currency);
  if (!format) {
    try {
      format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
    } catch { // not a currency code
      format = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    }
    formats.set(currency, format);
  }
  return format.format(amount);
}

/** @param {number} amount @param {string} from @param {string} to @returns {number | null} */
export function convert(amount, from, to) {
  if (from === to) return amount;
  const { rates } = purse, rate = (/** @type {string} */ c) => (!rates ? 0 : c === rates.base ? 1 : rates.rates[c]);
  return rate(from) > 0 && rate(to) > 0 ? amount / rate(from) * rate(to) : null;
}

/** A price in a currency, null when there is no way there. @param {Price | null} price @param {string} [currency] @returns {number | null} */
export function amountOf(price, currency = purse.currency) {
  if (!price) return null;
  const direct = convert(price.median, price.currency, currency);
  if (direct != null && price.currency === currency) return direct;
  if (price.usd != null) return convert(price.usd, 'USD', currency) ?? direct;
  return direct;
}

/** The large number: home currency, or the price's own where no rate is known. @param {Price | null} price */
export function priceText(price) {
  if (!price) return '';
  const amount = amountOf(price);
  return amount == null ? money(price.median, price.currency) : money(amount);
}

/** "¥1,780 (¥1,480–¥2,400)"; only what the large number does not say. @param {Price | null} price */
export function originalText(price) {
  if (!price) return 'No price for this one';
  const range = price.min != null && price.max != null && price.min !== price.max
    ? `${money(price.min, price.currency)}–${money(price.max, price.currency)}` : '';
  if (amountOf(price) == null || price.currency === purse.currency) return range;
  return money(price.median, price.currency) + (range ? ` (${range})` : '');
}

/** "$1.15 to $159.12", or one price when all agree. @param {(Price | null)[]} prices */
export function spanText(prices) {
  const amounts = prices.map((p) => amountOf(p)).filter((a) => a != null);
  if (!amounts.length) return '';
  const low = money(Math.min(...amounts)), high = money(Math.max(...amounts));
  return low === high ? low : `${low} to ${high}`;
}

/* ---------- dates ---------- */

/** "26 Nov, 2 days old"; from 30 days on "Old: 26 Oct". @param {string | undefined} date @param {number} [now] */
export function ageText(date, now = Date.now()) {
  const at = date ? Date.parse(date) : NaN;
  if (!Number.isFinite(at)) return '';
  const days = Math.floor((now - at) / 86400000);
  const day = DAY.format(at);
  if (days >= 30) return `Old: ${day}`;
  return days < 1 ? `${day}, today` : `${day}, ${plural(days, 'day')} old`;
}

/** @param {string | undefined} date */
export function dayText(date) {
  const at = date ? Date.parse(date) : NaN;
  return Number.isFinite(at) ? DAY.format(at) : '';
}

/** A number for the screen, two digits after the point. @param {number} score */
export const scoreText = (score) => Math.max(0, Math.min(1, score)).toFixed(2);

/** Money for the ear: "11 dollars 42". @param {Price | null} price */
export function spokenPrice(price) {
  const amount = amountOf(price);
  if (amount == null) return '';
  const unit = /** @type {Record<string, string>} */ ({ USD: 'dollars', EUR: 'euros', GBP: 'pounds', JPY: 'yen' })[purse.currency];
  if (!unit) return money(amount);
  const whole = Math.floor(amount), cents = Math.round((amount - whole) * 100);
  return purse.currency === 'JPY' ? `${Math.round(amount)} yen` : `${whole} ${unit}${cents ? ' ' + cents : ''}`;
}
