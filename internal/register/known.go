package register

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// known is what the guard knows of the register's database at one time. It is never changed.
type known struct {
	analyser  *lineage.Analyser
	policy    *meter.Policy
	database  string
	keyTypes  []uint32            // of the keys of the protected relations, type OIDs
	paths     map[string]string   // search_path of a role ("" in every role), from ALTER ROLE … SET
	anonymous map[uint64]struct{} // voters at risk, by number
	read      time.Time
	templates *templates
}

// loadKnown reads everything. With anew the catalogue has changed since statements were judged. Without a policy
// it stays with that of what is known by then: another one may come into force while this one waits.
func (g *Guard) loadKnown(ctx context.Context, p *meter.Policy, anew bool) error {
	g.refreshMu.Lock()
	defer g.refreshMu.Unlock()
	if p == nil {
		p = g.known.Load().policy
	}
	ctx, end := context.WithTimeout(ctx, 5*time.Minute)
	defer end()
	k := &known{policy: p, paths: map[string]string{}, read: time.Now(), templates: newTemplates()}
	if err := g.judgeBy(ctx, k, anew); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	if err := g.db.QueryRowContext(ctx, `SELECT current_database()`).Scan(&k.database); err != nil {
		return fmt.Errorf("register: catalogue: %w", err)
	}
	if err := errors.Join(g.loadPaths(ctx, k), g.loadKeys(ctx, k)); err != nil {
		return err
	}
	g.known.Store(k)
	return nil
}

// loadPaths reads the search paths that roles begin with.
func (g *Guard) loadPaths(ctx context.Context, k *known) error {
	const query = `SELECT coalesce(r.rolname, ''), c FROM pg_catalog.pg_db_role_setting s
 LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
 LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
 WHERE (s.setdatabase = 0 OR d.datname = current_database()) AND c LIKE 'search_path=%' ORDER BY s.setdatabase`
	rows, err := g.db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("register: settings of roles: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var role, setting string
		if err := rows.Scan(&role, &setting); err != nil {
			return fmt.Errorf("register: settings of roles: %w", err)
		}
		k.paths[role] = strings.TrimPrefix(setting, "search_path=")
	}
	return rows.Err()
}

// loadKeys reads the types of the keys, and which voters are at risk.
func (g *Guard) loadKeys(ctx context.Context, k *known) error {
	k.anonymous = map[uint64]struct{}{}
	for _, r := range k.policy.Protected {
		var oid int64
		const query = `SELECT atttypid::bigint FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2`
		if err := g.db.QueryRowContext(ctx, query, quoted(r.Relation), r.Key).Scan(&oid); err != nil {
			return fmt.Errorf("register: the protected relation %s has no column %q that could be read (%w): correct the policy", r.Relation, r.Key, err)
		}
		k.keyTypes = append(k.keyTypes, uint32(oid))
		if r.Anonymous != "" {
			if err := g.loadAnonymous(ctx, k, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Guard) loadAnonymous(ctx context.Context, k *known, r meter.Protected) error {
	rows, err := g.db.QueryContext(ctx, fmt.Sprintf(`SELECT %s::text FROM %s WHERE %s`, quotedName(r.Key), quoted(r.Relation), quotedName(r.Anonymous)))
	if err != nil {
		return fmt.Errorf("register: which voters of %s are at risk cannot be read; grant the catalogue's role SELECT on the columns %s and %s: %w", r.Relation, r.Key, r.Anonymous, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			return fmt.Errorf("register: voters at risk: %w", err)
		}
		n, err := g.book.Number(key)
		if err != nil {
			return err
		}
		k.anonymous[n] = struct{}{}
	}
	return rows.Err()
}

func quoted(relation string) string {
	schema, table, _ := strings.Cut(relation, ".")
	return quotedName(schema) + "." + quotedName(table)
}

func quotedName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// judgeBy has statements judged by the catalogue as it is now. Under the same policy the
// plans that are cached stay unless the catalogue has changed.
func (g *Guard) judgeBy(ctx context.Context, k *known, anew bool) error {
	if before := g.known.Load(); before != nil && before.policy == k.policy {
		k.analyser = before.analyser
		changed, err := k.analyser.Refresh(ctx, g.db)
		if !changed && !anew {
			k.templates = before.templates
		}
		return err
	}
	var protected []lineage.Protected
	for _, r := range k.policy.Protected {
		protected = append(protected, lineage.Protected{Relation: r.Relation, Key: r.Key, Flag: r.Anonymous})
	}
	catalogue, err := lineage.Load(ctx, g.db)
	if err != nil {
		return err
	}
	if k.analyser, err = lineage.New(catalogue, protected, lineage.Options{Functions: k.policy.Functions, CopyKeys: true}); err != nil {
		return err
	}
	return k.analyser.Warm()
}

// settings is what the meaning of a session's statements depends on.
func (k *known) settings(path, role string, temp []string, reported map[string]string) lineage.Settings {
	if path == "" {
		path = k.paths[role]
	}
	if path == "" {
		path = k.paths[""]
	}
	if path == "" {
		path = `"$user", public`
	}
	return lineage.NewSettings(splitPath(path), role, temp, reported)
}

// splitPath reads a search_path as PostgreSQL does: names in quotes as they are, others in lower case.
func splitPath(path string) (names []string) {
	for _, part := range strings.Split(path, ",") {
		part = strings.TrimSpace(part)
		if n := len(part); n >= 2 && part[0] == '"' && part[n-1] == '"' {
			names = append(names, strings.ReplaceAll(part[1:n-1], `""`, `"`))
		} else if part != "" {
			names = append(names, strings.ToLower(part))
		}
	}
	return names
}

// watchWorld refreshes what is known, and looks after the clock and the ledger's health.
func (g *Guard) watchWorld(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	g.live()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g.live()
		k := g.known.Load()
		every := time.Minute
		for _, r := range k.policy.Protected {
			every = min(every, time.Duration(r.AnonymousSeconds)*time.Second)
		}
		changed, err := k.analyser.Refresh(ctx, g.db)
		if err == nil && (changed || time.Since(k.read) > every) {
			err = g.loadKnown(ctx, nil, changed)
		}
		if err != nil && ctx.Err() == nil {
			g.log.Error("the register's catalogue could not be read; statements are judged by the last one", "error", err)
		}
		if g.quiet.once("learned", time.Minute) {
			if err := g.learner.save(g.cfg.Data); err != nil {
				g.log.Error("the statements that were seen could not be kept", "error", err)
			}
		}
		g.watchClock()
	}
}

// watchClock raises a finding when the wall clock has stepped: times in the ledger are in doubt.
func (g *Guard) watchClock() {
	g.clock.Now()
	if skew := g.clock.Skew().Abs(); skew > time.Minute && g.quiet.once("clock", time.Hour) {
		g.raise(finding{rule: RuleGap, summary: fmt.Sprintf("The clock of the register guard stepped by %v: times in the ledger since are in doubt, budgets went on as before.", skew.Round(time.Second))})
	}
}

// retry asks for the catalogue once more when a name was not in it.
func (g *Guard) retry(ctx context.Context, plans []lineage.Plan) bool {
	for i := range plans {
		if r := plans[i].Refusal; r != nil && r.Retry && time.Since(g.known.Load().read) > time.Second {
			return g.loadKnown(ctx, nil, true) == nil
		}
	}
	return false
}

// keyTypesOf are the types of the columns that are read of a result.
func (k *known) keyTypesOf(r *lineage.Result) []uint32 {
	const int8OID, charOID = 20, 18
	var types []uint32
	for _, i := range r.KeyOf {
		types = append(types, k.keyTypes[i])
	}
	for range r.Supports {
		types = append(types, int8OID)
	}
	for _, f := range r.HiddenFlags {
		if f >= 0 {
			types = append(types, charOID) // a boolean's one byte, as it is
		}
	}
	return types
}

func copyFormat(c *lineage.Copy) wire.CopyFormat {
	if c == nil || c.Format == "binary" {
		return wire.CopyFormat{}
	}
	first := func(s string) byte {
		if s == "" {
			return 0
		}
		return s[0]
	}
	return wire.CopyFormat{CSV: c.Format == "csv", Header: c.Header, Delimiter: first(c.Delimiter), Quote: first(c.Quote), Escape: first(c.Escape), Null: c.Null, NullSet: c.Null != ""}
}
