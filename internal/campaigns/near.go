package campaigns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

// Statements by number of keys. One that asks for several keys costs little more to run than for one,
// but as much more to prepare as it is longer; hence few ranges at a time.
var (
	postingInserts = eachKey(askKeys, `INSERT INTO campaigns_posting (key, time, item) VALUES `, `, `, ` ON CONFLICT DO NOTHING`,
		func(int) string { return `(%s,$1,$2)` })
	nearQueries = eachKey(askRanges, ``, ` UNION ALL `, ``, func(n int) string {
		return fmt.Sprintf(`SELECT key, item FROM (SELECT key, item FROM campaigns_posting WHERE key=%%[1]s AND time<=$1 AND item<>$2 ORDER BY time DESC, item DESC LIMIT %d) AS b%d
			UNION ALL SELECT key, item FROM (SELECT key, item FROM campaigns_posting WHERE key=%%[1]s AND time>$1 AND item<>$2 ORDER BY time, item LIMIT %d) AS a%d`, neighbours, n, neighbours, n)
	})
	countQueries = eachKey(askRanges, ``, ` UNION ALL `, ``, func(n int) string {
		return fmt.Sprintf(`SELECT %%[1]s, count(*) FROM (SELECT 1 FROM campaigns_posting WHERE key=%%[1]s AND time>=$1 AND item<>$2 LIMIT %d) AS c%d`, countedMost, n)
	})
)

// toldQueries use what they are given for all such statements, so that one function asks them all.
var toldQueries = eachKey(askKeys, `SELECT key, 1 FROM campaigns_told WHERE CAST($1 AS bigint)>CAST($2 AS bigint) AND key IN (`, `, `, `)`, func(int) string { return `%s` })

// padded lengthens a list to the next power of two with what changes nothing: statements of five lengths
// are prepared, not of sixteen, and preparing one takes as long as running it.
func padded(keys []int64, with int64) []int64 {
	n := 1
	for n < len(keys) {
		n *= 2
	}
	long := append(make([]int64, 0, n), keys...)
	for len(long) < n {
		long = append(long, with)
	}
	return long
}

// noKey is that of no value, as far as a hash of 64 bits may be relied upon.
const noKey = 0

func eachKey(most int, before, between, after string, part func(n int) string) (queries []string) {
	queries = make([]string, most+1)
	for keys := 1; keys <= most; keys++ {
		parts := make([]string, keys)
		for i := range parts {
			parts[i] = fmt.Sprintf(part(i), fmt.Sprintf("CAST($%d AS bigint)", i+3))
		}
		queries[keys] = before + strings.Join(parts, between) + after
	}
	return queries
}

// pairs asks one of these statements about keys, for pairs of numbers.
func (r *Reader) pairs(ctx context.Context, queries []string, keys []int64, first, second int64, fn func(key, n int64)) error {
	for chunk := range slices.Chunk(keys, len(queries)-1) {
		chunk = padded(chunk, noKey)
		args := append(make([]any, 0, 2+len(chunk)), first, second)
		for _, key := range chunk {
			args = append(args, key)
		}
		rows, err := r.q.QueryContext(ctx, queries[len(chunk)], args...)
		if err != nil {
			return fmt.Errorf("look for items with the same values: %w", err)
		}
		for rows.Next() {
			var key, n int64
			if err := rows.Scan(&key, &n); err != nil {
				return errors.Join(fmt.Errorf("look for items with the same values: %w", err), rows.Close())
			}
			if key != noKey {
				fn(key, n)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("look for items with the same values: %w", err)
		}
	}
	return nil
}

// surroundings are the items next to a new one, with what is known of what they share.
func (w *Writer) surroundings(ctx context.Context, p *profile) ([]*profile, *weigher, error) {
	keys := keysOf(p)
	near := make(map[int64][]int64, len(keys)) // key to items
	err := w.pairs(ctx, nearQueries, keys, p.time, p.num, func(key, item int64) { near[key] = append(near[key], item) })
	if err != nil || len(near) == 0 {
		return nil, nil, err
	}
	p.know(w.d.Groups)
	wg := &weigher{total: w.base.Items, items: w.base.Items, groups: w.base.Groups, stats: map[int64]stat{}}
	if err := w.frequencies(ctx, p, near, wg); err != nil {
		return nil, nil, err
	}
	list, err := w.itemsByNum(ctx, choose(p, near, wg))
	if err != nil {
		return nil, nil, err
	}
	for _, q := range list {
		q.know(w.d.Groups)
	}
	wg.faces(append(list, p))
	return list, wg, w.sharedText(ctx, p, list, wg)
}

// frequencies asks about the values that have neighbours.
func (w *Writer) frequencies(ctx context.Context, p *profile, near map[int64][]int64, wg *weigher) error {
	if w.d.Archive != nil {
		n, err := w.d.Archive.Total(ctx)
		if err != nil {
			return fmt.Errorf("count events: %w", err)
		}
		wg.total = max(n, wg.total)
	}
	var keys []int64
	var values []portcullis.Observable
	for _, f := range p.feats {
		if len(near[f.key]) > 0 {
			keys, values = append(keys, f.key), append(values, f.obs)
		}
	}
	if key, ok := structureKey(p.structure); ok && len(near[key]) > 0 {
		keys = append(keys, key)
	}
	var many []int64
	for _, key := range keys {
		n := len(near[key])
		wg.stats[key] = stat{seen: n + 1, inside: n + 1}
		if n >= neighbours { // of fewer, all are known
			many = append(many, key)
		}
	}
	err := w.pairs(ctx, countQueries, many, minTime, p.num, func(key, n int64) {
		s := stat{seen: int(n) + 1, inside: int(n) + 1}
		if n >= countedMost {
			s.listed = "values that very many findings share" // how many exactly, settling finds out
		}
		wg.stats[key] = s
	})
	if err != nil {
		return err
	}
	told, err := w.toldOf(ctx, keys)
	if err != nil {
		return err
	}
	return wg.ask(ctx, values, w.d, told)
}

const minTime = -1 << 62

// metMost is how many items around some members are asked for the names they came under.
const metMost = 96

// meet counts the names under values of a few members as placing does: from the items next to
// the first and the last of them.
func (r *Reader) meet(ctx context.Context, members []*profile, wg *weigher) error {
	known, nums := map[int64]bool{}, []int64(nil)
	for _, p := range members {
		known[p.num] = true
	}
	for _, p := range []*profile{members[0], members[len(members)-1]} {
		var keys []int64
		for _, f := range p.feats {
			if s, shared := wg.stats[f.key]; shared && f.role.faces && s.inside > len(members) {
				keys = append(keys, f.key)
			}
		}
		err := r.pairs(ctx, nearQueries, keys, p.time, p.num, func(_, item int64) {
			if !known[item] && len(nums) < metMost {
				known[item] = true
				nums = append(nums, item)
			}
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(nums)
	met, err := r.itemsByNum(ctx, nums)
	if err != nil {
		return err
	}
	wg.faces(slices.Concat(members, met))
	return nil
}

// toldOf finds which of some keys somebody told us of.
func (r *Reader) toldOf(ctx context.Context, keys []int64) (map[int64]bool, error) {
	told := map[int64]bool{}
	return told, r.pairs(ctx, toldQueries, keys, 1, 0, func(key, _ int64) { told[key] = true })
}

// choose picks whom to weigh the item against: those that share its rarest values first.
func choose(p *profile, near map[int64][]int64, wg *weigher) []int64 {
	type source struct {
		key  int64
		bits float64
	}
	var sources []source
	for key := range wg.worthy(p) {
		if len(near[key]) == 0 {
			continue
		}
		bits := 3.0 // a band of the text
		if s, ok := wg.stats[key]; ok {
			bits = wg.bits(s, &otherRole)
			for _, f := range p.feats {
				if f.key == key {
					bits = wg.bits(s, f.role)
				}
			}
		}
		sources = append(sources, source{key, bits})
	}
	slices.SortFunc(sources, func(a, b source) int { return cmp.Or(cmp.Compare(b.bits, a.bits), cmp.Compare(a.key, b.key)) })
	seen := map[int64]bool{}
	var chosen []int64
	for _, s := range sources {
		for _, item := range near[s.key] {
			if !seen[item] && len(chosen) < maxCompared {
				seen[item] = true
				chosen = append(chosen, item)
			}
		}
	}
	return chosen
}

var itemsByNumQueries = func() (queries [askKeys + 1]string) {
	for n := 1; n <= askKeys; n++ {
		marks := make([]string, n)
		for i := range marks {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		queries[n] = `SELECT ` + itemColumns + ` FROM campaigns_item WHERE num IN (` + strings.Join(marks, ",") + `)`
	}
	return queries
}()

func (r *Reader) itemsByNum(ctx context.Context, nums []int64) (list []*profile, err error) {
	for chunk := range slices.Chunk(nums, askKeys) {
		chunk = padded(chunk, chunk[0])
		args := make([]any, len(chunk))
		for i, n := range chunk {
			args[i] = n
		}
		some, err := r.profiles(ctx, itemsByNumQueries[len(chunk)], args...)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// sharedText estimates from the neighbours how many say the same. Settle counts.
func (w *Writer) sharedText(ctx context.Context, p *profile, list []*profile, wg *weigher) error {
	if p.words < 20 {
		return nil
	}
	same := []*profile{p}
	for _, q := range list {
		if q.words >= 20 && alike(p.text, q.text) >= textAlike {
			same = append(same, q)
		}
	}
	if len(same) < 2 {
		return nil
	}
	t := wg.describe(same)
	if w.d.Resembling != nil {
		like, err := w.d.Resembling.Like(ctx, p.event, likeOnline)
		if err != nil {
			return fmt.Errorf("look for mails that say the same: %w", err)
		}
		known := map[portcullis.ID]bool{}
		for _, q := range same {
			known[q.event] = true
		}
		t.outside = strangers(like, known)
	}
	for _, q := range same {
		q.same = t
	}
	return nil
}
