// The shapes that the modules pass around, for the type check of the tests; not part of the page.

type Point = [number, number];
/** Four corners, clockwise from the thing's own top left, 0..1 of the picture. */
type Quad = [Point, Point, Point, Point];
type Kind = 'sure' | 'unsure' | 'unknown';

interface Price {
  median: number;
  min?: number;
  max?: number;
  currency: string;
  usd?: number;
  date?: string;
}

/** Something that has a reference picture, or a name given by an upstream. */
interface Thing {
  name: string;
  rarity: string;
  code: string;
  /** file name of the reference picture, '' when there is none */
  file: string;
  /** address of the reference picture, '' when there is none */
  pic: string;
  price: Price | null;
}

interface Choice extends Thing {
  score: number;
}

interface Detection {
  kind: Kind;
  thing: Thing;
  quad: Quad;
  score: number;
  /** the server's own number for it in this session, 0 when it gives none */
  serverId: number;
  /** what it may be instead, likeliest first */
  choices: Choice[];
}

/** A picture as it was sent: outlines belong to it and to no other. */
interface Frame {
  n: number;
  /** counts sources: a camera opened, a photo chosen; answers of an older one are dropped */
  source: number;
  /** performance.now() when it was on the screen */
  shown: number;
  width: number;
  height: number;
  /** what was sent */
  blob: Blob | null;
  /** brightness of 32 x 18 cells */
  cells: Uint8Array | null;
}

interface Answer {
  frame: Frame;
  detections: Detection[];
  closest: Choice[];
  /** where things lie that are none of the collection */
  unknown: Quad[];
  /** milliseconds from taking the frame to having the answer */
  ms: number;
}

interface Track {
  id: number;
  /** colour and shape, 1..8 */
  n: number;
  kind: Kind;
  thing: Thing;
  choices: Choice[];
  quad: Quad;
  score: number;
  seen: number;
  of: number;
  serverId: number;
  born: number;
  /** performance.now() of the newest answer that had it */
  last: number;
  /** performance.now() of the first answer since then that had it not, 0 when it is there */
  missing: number;
  frame: Frame;
  /** answers in a row that agree */
  steady: number;
  spoken: boolean;
  /** the user said what it is */
  chosen: boolean;
  /** ... of a picture in which nothing was found: nobody knows where it lies */
  nowhere?: boolean;
}

interface DeckEntry {
  key: string;
  name: string;
  rarity: string;
  code: string;
  pic: string;
  price: Price | null;
  qty: number;
  added: number;
  unsure: boolean;
}

/** An entry as it lies in localStorage, the original's keys first. */
interface StoredEntry {
  label: string;
  ref_url?: string;
  usd?: number;
  jpy?: number;
  added_at: number;
  qty: number;
  name?: string;
  rarity?: string;
  code?: string;
  price?: Price | null;
  unsure?: boolean;
}

interface Info {
  name: string;
  count: number;
  sets: string[];
  cards: boolean;
  canWrite: boolean;
  frameSize: number;
  upstream: string;
  httpsUrl: string;
  fingerprint: string;
  currency: string;
  rates: { base: string; date: string; rates: Record<string, number> } | null;
  prices: { date: string; currency: string } | null;
  known: boolean;
}

type Settings = {
  camera: string;
  cameraLabel: string;
  facing: 'environment' | 'user';
  resolution: string;
  mirror: boolean;
  sound: boolean;
  haptic: boolean;
  speak: boolean;
  currency: string;
  theme: 'auto' | 'light' | 'dark';
  hand: boolean;
  keys: boolean;
  query: string;
};
