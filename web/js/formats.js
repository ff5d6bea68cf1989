// The deck as files: CSV for any spreadsheet, TCGplayer's and Moxfield's columns, JSON; and back.
import { amountOf, labelOf, purse } from './words.js';
import { fold, readDeck, readEntry, storedEntry } from './deck.js';
import { parseJson } from './answer.js';

const MAX_TEXT = 20 << 20;

const TCGPLAYER = ['Quantity', 'Name', 'Simple Name', 'Set', 'Card Number', 'Set Code', 'External ID', 'Printing', 'Condition', 'Language', 'Rarity', 'Product ID', 'SKU', 'Price', 'Price Each'];
const MOXFIELD = ['Count', 'Tradelist Count', 'Name', 'Edition', 'Condition', 'Language', 'Foil', 'Tags', 'Last Modified', 'Collector Number', 'Alter', 'Proxy', 'Purchase Price'];
const PLAIN = ['Quantity', 'Name', 'Rarity', 'Code', 'Unsure', 'Price each', 'Total', 'Currency', 'Original price', 'Original currency', 'Added'];

/** A cell; what a spreadsheet would run as a formula is quoted with an apostrophe. @param {string | number | null | undefined} value */
function cell(value) {
  let text = value == null ? '' : String(value);
  if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
}

/** @param {string[]} head @param {(string | number | null)[][]} rows */
const table = (head, rows) => [head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';

/** @param {number | null} amount */
const two = (amount) => (amount == null ? '' : Number(amount.toFixed(2)));

/** "LOCH-JP009" -> set and number. @param {string} code @returns {[string, string]} */
const codeParts = (code) => {
  const found = /^([A-Za-z0-9]+)-(.+)$/.exec(code);
  return found ? [found[1], found[2]] : ['', code];
};

/** @param {DeckEntry[]} entries */
const toCsv = (entries) => table(PLAIN, entries.map((e) => {
  const each = amountOf(e.price);
  return [e.qty, e.name, e.rarity, e.code, e.unsure ? 'yes' : '', two(each), two(each == null ? null : each * e.qty), each == null ? '' : purse.currency, e.price ? e.price.median : '', e.price ? e.price.currency : '', new Date(e.added).toISOString()];
}));

/** @param {DeckEntry[]} entries */
const toTcgplayer = (entries) => table(TCGPLAYER, entries.map((e) => {
  const [set, number] = codeParts(e.code), usd = amountOf(e.price, 'USD');
  return [e.qty, labelOf(e), e.name, set, number, e.code, '', 'Normal', 'Near Mint', 'English', e.rarity, '', '', two(usd == null ? null : usd * e.qty), two(usd)];
}));

/** @param {DeckEntry[]} entries */
const toMoxfield = (entries) => table(MOXFIELD, entries.map((e) => {
  const [set, number] = codeParts(e.code);
  return [e.qty, 0, e.name, set.toLowerCase(), 'Near Mint', 'English', '', '', new Date(e.added).toISOString().slice(0, 10), number, 'False', 'False', two(amountOf(e.price, 'USD'))];
}));

/** @param {DeckEntry[]} entries */
const toJson = (entries) => JSON.stringify({ format: 'dlf-deck', version: 1, exported: new Date().toISOString(), entries: entries.map(storedEntry) }, null, 2) + '\n';

export const FORMATS = [
  { id: 'csv', name: 'CSV', note: 'Any spreadsheet', file: 'deck.csv', type: 'text/csv', write: toCsv },
  { id: 'tcgplayer', name: 'TCGplayer', note: 'Collection CSV', file: 'deck-tcgplayer.csv', type: 'text/csv', write: toTcgplayer },
  { id: 'moxfield', name: 'Moxfield', note: 'Collection import', file: 'deck-moxfield.csv', type: 'text/csv', write: toMoxfield },
  { id: 'json', name: 'JSON', note: 'Everything, to bring back here', file: 'deck.json', type: 'application/json', write: toJson },
];

/** RFC 4180, with commas, semicolons or tabs. @param {string} text @returns {string[][]} */
export function parseCsv(text) {
  const first = text.slice(0, text.search(/[\r\n]|$/)), mark = ['\t', ';', ','].find((m) => first.includes(m)) || ',';
  /** @type {string[][]} */
  const rows = [];
  let row = [''], quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i], last = row.length - 1;
    if (quoted) {
      if (c !== '"') row[last] += c;
      else if (text[i + 1] === '"') { row[last] += '"'; i++; } else quoted = false;
    } else if (c === '"' && row[last] === '') quoted = true;
    else if (c === mark) row.push('');
    else if (c === '\n' || c === '\r') {
      if (c === '\r' && text[i + 1] === '\n') i++;
      rows.push(row); row = [''];
    } else row[last] += c;
  }
  if (row.length > 1 || row[0]) rows.push(row);
  return rows.filter((r) => r.some((x) => x.trim()));
}

/** @param {string} text */
const bare = (text) => text.replace(/^'(?=[=+\-@\t\r])/, '').trim();

/** A row by the names of its columns, of any of the kinds that Export writes. @param {Record<string, string>} r @returns {DeckEntry | null} */
function fromRow(r) {
  const name = r['simple name'] || r.name || r.card || r['card name'] || '';
  const set = r['set code'] || r.edition || r.set || '', number = r['card number'] || r['collector number'] || '';
  const code = r.code || (number && set && !set.toUpperCase().includes(number.toUpperCase()) ? `${set.toUpperCase()}-${number}` : set.includes('-') ? set : number);
  const own = 'original price' in r, price = Number(own ? r['original price'] : r['price each'] || r['purchase price'] || NaN);
  const currency = own ? r['original currency'] : r.currency || 'USD';
  return readEntry({
    label: r.label || name, name: r.rarity !== undefined || r.code !== undefined ? name : undefined, rarity: r.rarity, code, unsure: r.unsure === 'yes',
    qty: Number(r.quantity || r.count || r.qty || 1), added_at: Date.parse(r.added || r['last modified'] || '') || Date.now(),
    price: Number.isFinite(price) && price >= 0 && (own ? r['original price'] : r['price each'] || r['purchase price']) ? { median: price, currency, usd: currency === 'USD' ? price : undefined } : null,
  });
}

/** A list of lines: "4 Lantern Goldfish", "4x Lantern Goldfish (UR)". @param {string} text @returns {DeckEntry[]} */
function fromLines(text) {
  return text.split(/\r?\n/).map((line) => /^\s*(?:(\d{1,4})\s*[x×]?\s+)?(\S.*?)\s*$/.exec(line))
    .map((m) => m && !/^(\/\/|#)/.test(m[2]) ? readEntry({ label: m[2], qty: Number(m[1] || 1), price: null }) : null)
    .filter((e) => e != null);
}

/**
 * Reads a file or pasted text of any kind that Export writes, an old deck out of localStorage, or a list of names.
 * @param {string} text @returns {DeckEntry[]} @throws when nothing in it is an entry
 */
export function readText(text) {
  if (text.length > MAX_TEXT) throw new Error('That is more than 20 MB of text.');
  const body = text.replace(/^\ufeff/, '').trim();
  /** @type {(DeckEntry | null)[]} */
  let found = [];
  if (/^["[{]/.test(body) && !/^"[^"\n]*"[,;\t]/.test(body)) {
    try {
      let data = parseJson(body);
      if (typeof data === 'string') data = parseJson(data); // copied out of the developer tools
      found = readDeck(data && data['dlf-deck-v1'] !== undefined ? (typeof data['dlf-deck-v1'] === 'string' ? parseJson(data['dlf-deck-v1']) : data['dlf-deck-v1']) : data);
    } catch {
      throw new Error('This looks like JSON, but it is cut off or damaged.');
    }
  } else {
    const [head, ...rows] = parseCsv(body), names = (head || []).map((x) => x.trim().toLowerCase());
    const known = names.includes('name') || names.includes('card') || names.includes('simple name') || names.includes('card name');
    found = known && names.length > 1 ? rows.map((r) => fromRow(Object.fromEntries(names.map((n, i) => [n, bare(r[i] || '')])))) : fromLines(body);
  }
  const entries = fold(/** @type {DeckEntry[]} */ (found.filter((e) => e)));
  if (!entries.length) throw new Error('No entry was found in that.');
  return entries;
}
