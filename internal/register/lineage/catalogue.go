package lineage

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Querier is what the catalogue is read through: *sql.DB, *sql.Conn or *sql.Tx. The session's search_path does not
// matter. The role must be allowed to read pg_catalog, nothing else.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Catalogue is what PostgreSQL knows of relations and functions, at one time. It is never changed once loaded.
type Catalogue struct {
	Version   string                 // of the contents; Changed compares it
	Server    int                    // server_version_num
	relations map[string]*relation   // by "schema.name"
	bare      map[string][]*relation // by name
	oids      map[uint32]*relation
	functions map[string][]function // by name
	operators map[string]bool       // names of operators that are not PostgreSQL's own and call what is unknown
	schemas   map[string]bool
}

type relation struct {
	oid          uint32
	schema, name string
	kind         byte // pg_class.relkind
	columns      []string
	types        []string        // of columns, as format_type writes them
	unique       map[string]bool // columns that alone identify a row
	filled       map[string]bool // columns that are NOT NULL
	definition   string          // of a view, every name qualified
	parents      []uint32
}

func (r *relation) String() string { return r.schema + "." + r.name }

func (r *relation) has(column string) bool { return slices.Contains(r.columns, column) }

type function struct {
	schema, name string
	kind         byte // pg_proc.prokind: f, p, a, w
	set          bool // returns rows
	takesRow     bool // of one row: row.name calls it
	volatility   byte
	language     string
	extension    string
}

// versionQuery hashes the row versions of what Load reads. ANALYZE and VACUUM update in place and leave them alone.
const versionQuery = `SELECT concat_ws('/',
 (SELECT sum(hashtextextended(c.oid::text||c.relname||c.relnamespace||c.xmin::text, 0)) FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relpersistence <> 't'),
 (SELECT sum(hashtextextended(a.attrelid::text||a.attname||a.attnum||a.xmin::text, 0)) FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384),
 (SELECT sum(hashtextextended(p.oid::text||p.xmin::text, 0)) FROM pg_catalog.pg_proc p WHERE p.oid >= 16384),
 (SELECT sum(hashtextextended(n.oid::text||n.nspname, 0)) FROM pg_catalog.pg_namespace n WHERE n.nspname NOT LIKE 'pg\_%temp\_%'),
 (SELECT sum(hashtextextended(r.oid::text||r.xmin::text, 0)) FROM pg_catalog.pg_rewrite r WHERE r.oid >= 16384),
 (SELECT sum(hashtextextended(i.inhrelid::text||i.inhparent::text, 0)) FROM pg_catalog.pg_inherits i),
 (SELECT sum(hashtextextended(o.oid::text||o.xmin::text, 0)) FROM pg_catalog.pg_operator o WHERE o.oid >= 16384))`

// Load reads the catalogue. Views' definitions are read with an empty search_path, so each name in them is qualified,
// and within one statement's snapshot each.
func Load(ctx context.Context, q Querier) (*Catalogue, error) {
	c := &Catalogue{relations: map[string]*relation{}, bare: map[string][]*relation{}, oids: map[uint32]*relation{},
		functions: map[string][]function{}, operators: map[string]bool{}, schemas: map[string]bool{}}
	steps := []func(context.Context, Querier) error{c.loadVersion, c.loadRelations, c.loadColumns, c.loadUnique,
		c.loadParents, c.loadViews, c.loadFunctions, c.loadOperators}
	for _, step := range steps {
		if err := step(ctx, q); err != nil {
			return nil, fmt.Errorf("read PostgreSQL's catalogue: %w", err)
		}
	}
	return c, nil
}

// Changed asks whether the catalogue is out of date; it costs a few milliseconds.
func (c *Catalogue) Changed(ctx context.Context, q Querier) (bool, error) {
	var fresh Catalogue
	if err := fresh.loadVersion(ctx, q); err != nil {
		return true, fmt.Errorf("ask for the catalogue's version: %w", err)
	}
	return fresh.Version != c.Version, nil
}

// each runs query and calls row for each of its rows, which scans.
func each(ctx context.Context, q Querier, query string, row func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (c *Catalogue) loadVersion(ctx context.Context, q Querier) error {
	if err := each(ctx, q, versionQuery, func(r *sql.Rows) error { return r.Scan(&c.Version) }); err != nil {
		return err
	}
	return each(ctx, q, `SELECT current_setting('server_version_num')::int`, func(r *sql.Rows) error { return r.Scan(&c.Server) })
}

func (c *Catalogue) loadRelations(ctx context.Context, q Querier) error {
	if err := each(ctx, q, `SELECT nspname FROM pg_catalog.pg_namespace`, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		c.schemas[name] = true
		return err
	}); err != nil {
		return err
	}
	return each(ctx, q, `SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text FROM pg_catalog.pg_class c
 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r','v','m','f','p','S') AND n.nspname <> 'pg_toast' AND c.relpersistence <> 't'`, func(r *sql.Rows) error {
		var rel relation
		var kind string
		if err := r.Scan(&rel.oid, &rel.schema, &rel.name, &kind); err != nil {
			return err
		}
		rel.kind, rel.unique, rel.filled = kind[0], map[string]bool{}, map[string]bool{}
		c.relations[rel.String()], c.oids[rel.oid] = &rel, &rel
		c.bare[rel.name] = append(c.bare[rel.name], &rel)
		return nil
	})
}

func (c *Catalogue) loadColumns(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT attrelid::bigint, attname, pg_catalog.format_type(atttypid, NULL), attnotnull FROM pg_catalog.pg_attribute
 WHERE attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum`, func(r *sql.Rows) error {
		var oid uint32
		var name, typ string
		var filled bool
		if err := r.Scan(&oid, &name, &typ, &filled); err != nil {
			return err
		}
		if rel := c.oids[oid]; rel != nil {
			rel.columns, rel.types = append(rel.columns, name), append(rel.types, typ)
			rel.filled[name] = filled
		}
		return nil
	})
}

// loadUnique notes columns with a unique index of their own that holds for every row.
func (c *Catalogue) loadUnique(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT i.indrelid::bigint, a.attname FROM pg_catalog.pg_index i
 JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
 WHERE i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL`, func(r *sql.Rows) error {
		var oid uint32
		var name string
		if err := r.Scan(&oid, &name); err != nil {
			return err
		}
		if rel := c.oids[oid]; rel != nil {
			rel.unique[name] = true
		}
		return nil
	})
}

func (c *Catalogue) loadParents(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT inhrelid::bigint, inhparent::bigint FROM pg_catalog.pg_inherits`, func(r *sql.Rows) error {
		var child, parent uint32
		if err := r.Scan(&child, &parent); err != nil {
			return err
		}
		if rel := c.oids[child]; rel != nil {
			rel.parents = append(rel.parents, parent)
		}
		return nil
	})
}

// loadViews reads definitions with an empty search_path. set_config is in the same statement, and evaluated before
// any definition is, because the definitions are selected from its row.
func (c *Catalogue) loadViews(ctx context.Context, q Querier) error {
	return each(ctx, q, `WITH bare AS MATERIALIZED (SELECT set_config('search_path', '', true) AS path),
 views AS MATERIALIZED (SELECT c.oid::bigint AS oid, pg_catalog.pg_get_viewdef(c.oid) AS definition, bare.path FROM bare, pg_catalog.pg_class c
 WHERE c.relkind IN ('v','m') AND c.oid >= 16384)
 SELECT oid, definition FROM views`, func(r *sql.Rows) error {
		var oid uint32
		var definition string
		if err := r.Scan(&oid, &definition); err != nil {
			return err
		}
		if rel := c.oids[oid]; rel != nil {
			rel.definition = strings.TrimSuffix(strings.TrimSpace(definition), ";")
		}
		return nil
	})
}

func (c *Catalogue) loadFunctions(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT n.nspname, p.proname, p.prokind::text, p.provolatile::text, l.lanname, coalesce(e.extname, ''), p.proretset,
 p.pronargs = 1 AND (SELECT t.typtype IN ('c','p') FROM pg_catalog.pg_type t WHERE t.oid = p.proargtypes[0])
 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
 LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid`, func(r *sql.Rows) error {
		var f function
		var kind, volatility string
		if err := r.Scan(&f.schema, &f.name, &kind, &volatility, &f.language, &f.extension, &f.set, &f.takesRow); err != nil {
			return err
		}
		f.kind, f.volatility = kind[0], volatility[0]
		c.functions[f.name] = append(c.functions[f.name], f)
		return nil
	})
}

func (c *Catalogue) loadOperators(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT o.oprname, n.nspname, p.proname, p.provolatile::text, l.lanname, coalesce(e.extname, '')
 FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
 LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE o.oid >= 16384`, func(r *sql.Rows) error {
		var name, volatility string
		var f function
		if err := r.Scan(&name, &f.schema, &f.name, &volatility, &f.language, &f.extension); err != nil {
			return err
		}
		f.volatility = volatility[0]
		if f.class() == unknown {
			c.operators[name] = true
		}
		return nil
	})
}

// resolve finds what a name means on a search path. Temporary relations come first, then pg_catalog unless the
// path says otherwise.
func (c *Catalogue) resolve(schema, name string, s Settings) (rel *relation, temp bool) {
	if schema != "" {
		return c.relations[schema+"."+name], strings.HasPrefix(schema, "pg_temp")
	}
	if _, found := slices.BinarySearch(s.temp, name); found {
		return nil, true
	}
	path := s.path
	if path == nil {
		path = []string{"public"}
	}
	if !slices.Contains(path, "pg_catalog") {
		if rel := c.relations["pg_catalog."+name]; rel != nil {
			return rel, false
		}
	}
	for _, p := range path {
		if rel := c.relations[p+"."+name]; rel != nil {
			return rel, false
		}
	}
	return nil, false
}
