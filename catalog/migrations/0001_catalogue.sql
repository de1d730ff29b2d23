-- The first schema: products, picture ledger, summaries, runs, settings.

PRAGMA application_id = 0x56495452;  -- "VITR": whose file this is

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE product (
    id TEXT PRIMARY KEY CHECK (id <> ''),
    title TEXT NOT NULL CHECK (title <> ''),
    category TEXT NOT NULL,
    description TEXT NOT NULL,
    features TEXT NOT NULL,      -- JSON list
    details TEXT NOT NULL,       -- JSON object
    brand TEXT NOT NULL,
    price REAL,
    rating REAL,
    rating_count INTEGER,
    link TEXT NOT NULL,
    parent TEXT NOT NULL,
    images TEXT NOT NULL,        -- JSON list
    source TEXT NOT NULL,        -- the feed that had it last
    run INTEGER NOT NULL         -- the run that read it there last
);

CREATE INDEX product_by_category ON product (category, id);
CREATE INDEX product_by_source ON product (source, run);

-- The last attempt to get each product's picture. A product without a row has not been tried.
CREATE TABLE picture (
    product TEXT PRIMARY KEY REFERENCES product (id) ON DELETE CASCADE,
    outcome TEXT NOT NULL CHECK (outcome IN ('stored', 'failed', 'none')),
    stamp TEXT NOT NULL,         -- digest of the addresses and local files of the attempt
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    sentence TEXT NOT NULL,
    hash TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,   -- for the same stamp
    updated TEXT NOT NULL        -- UTC, ISO 8601
) WITHOUT ROWID;

CREATE TRIGGER picture_of_new_product AFTER INSERT ON product
WHEN NEW.images = '[]' BEGIN
    INSERT INTO picture VALUES (NEW.id, 'none', '', '', 'no picture given',
        'The product names no picture.', '', 0, 0, 0, 0, strftime('%Y-%m-%dT%H:%M:%SZ'));
END;

-- Other addresses mean another picture: the old one's row is deleted.
CREATE TRIGGER picture_of_changed_product AFTER UPDATE OF images ON product
WHEN NEW.images <> OLD.images BEGIN
    DELETE FROM picture WHERE product = NEW.id;
    INSERT INTO picture SELECT NEW.id, 'none', '', '', 'no picture given',
        'The product names no picture.', '', 0, 0, 0, 0, strftime('%Y-%m-%dT%H:%M:%SZ')
    WHERE NEW.images = '[]';
END;

-- A model needs minutes for a hundred summaries: each is kept by its input's digest, also when the
-- product is deleted.
CREATE TABLE summary (
    digest TEXT PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE product_summary (
    product TEXT PRIMARY KEY REFERENCES product (id) ON DELETE CASCADE,
    digest TEXT NOT NULL REFERENCES summary (digest)
) WITHOUT ROWID;

-- A summary of changed text is outdated.
CREATE TRIGGER summary_of_changed_product AFTER UPDATE ON product
WHEN (NEW.title, NEW.category, NEW.description, NEW.features, NEW.details, NEW.brand)
    IS NOT (OLD.title, OLD.category, OLD.description, OLD.features, OLD.details, OLD.brand) BEGIN
    DELETE FROM product_summary WHERE product = NEW.id;
END;

-- The log of runs: settings, figures and outcome of every job.
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    settings TEXT NOT NULL,      -- JSON object
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process TEXT NOT NULL,       -- when the process started: process numbers are reused
    started TEXT NOT NULL,       -- UTC, ISO 8601
    ended TEXT,
    outcome TEXT,                -- NULL while it runs, and where it was killed
    figures TEXT NOT NULL        -- JSON object
);
