package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"portcullis.example/portcullis/internal/archive"
	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/web/access"
)

// A pack that is kept goes on being hunted with: what its issuer could not tell may come tomorrow. Only what is new since
// is hashed, which for the mail of some minutes is a second.

// keptEvery is how often the mail that came meanwhile is held against the kept packs.
const keptEvery = 5 * time.Minute

// keptAtOnce is how many values a scan tests by itself at its end, which are some seconds. Of more it says that they wait.
const keptAtOnce = 5000

// keptHunt holds new mail against all packs that are kept.
type keptHunt struct {
	app  *app
	dir  *people.Directory
	most int64 // values of a pack that are tested without being asked; 0 is no bound
	// found is told what a pack has just been found to hold, waits how much of one is left to `hunt --pack all`.
	found func(packHunted)
	waits func(p *sealed.Pack, values int64)

	seen int64 // how far the archive was when all of it was tested
}

// run tests what is new. Packs that may not be used are passed over: `hunt --pack all` says which and why.
func (k *keptHunt) run(ctx context.Context) error {
	newest, err := archive.NewReader(k.app.store.DB()).Newest(ctx)
	if err != nil || newest == k.seen {
		return err
	}
	kept, err := sealed.NewReader(k.app.store.DB()).Kept(ctx)
	if err != nil || len(kept) == 0 {
		return err
	}
	links, err := newCorrelator(k.app, k.dir)
	if err != nil {
		return err
	}
	h := &packHunt{flags: huntPackFlags{Pack: allPacks, Workers: 1}, std: stdio{nil, io.Discard, io.Discard}, k: links, atEnd: true}
	list, _, err := h.packs(ctx)
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := k.one(ctx, h, p); err != nil {
			return err
		}
	}
	k.seen = newest
	return nil
}

// one tests what is new for one pack; where something is found, everybody it reached gets a notice drafted.
func (k *keptHunt) one(ctx context.Context, h *packHunt, p *sealed.Pack) error {
	if k.most > 0 {
		todo, err := h.todo(ctx, p)
		if err != nil {
			return err
		}
		if todo > k.most {
			k.waits(p, todo)
			return nil
		}
	}
	out := packHunted{Pack: p.ID, Header: p.Header, Digest: p.Digest, Blind: blindKinds(p)}
	var err error
	if out.New, out.Tested, err = h.test(ctx, p); err != nil {
		return err
	}
	fresh, err := h.untold(ctx, p)
	if err != nil || fresh == 0 {
		return err
	}
	err = h.k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		return auditActs(ctx, tx, access.Hunt, string(p.ID), map[string]any{"issuer": p.Issuer, "key": p.Key, "for": p.For, "tlp": p.TLP, "by": "new mail", "found": fresh})
	})
	if err = errors.Join(err, h.take(ctx, p)); err != nil {
		return err
	}
	if _, err := h.brief(ctx, p, &out); err != nil {
		return err
	}
	k.found(out)
	return nil
}

// todo is how many values were not tested for a pack.
func (h *packHunt) todo(ctx context.Context, p *sealed.Pack) (int64, error) {
	r := sealed.NewReader(h.k.app.store.DB())
	marks, err := r.Tested(ctx, p.ID)
	if err != nil {
		return 0, err
	}
	t := sealed.NewTester(p, 1)
	t.Remember(marks, nil)
	return t.Todo(h.values(ctx))
}

// untold counts what was found of a pack since somebody was told last.
func (h *packHunt) untold(ctx context.Context, p *sealed.Pack) (n int, err error) {
	found, err := sealed.NewReader(h.k.app.store.DB()).Matches(ctx, p.ID)
	for _, f := range found {
		if f.State == sealed.New {
			n++
		}
	}
	return n, err
}

// watch runs until ctx ends. What fails is told and tried again: it is beside the reading of mail, and must not end it.
func (k *keptHunt) watch(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(keptEvery)
	defer tick.Stop()
	for {
		if err := k.run(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// keptText says what was found, without a word of what it is: it stands in logs.
func keptText(r packHunted) string {
	return fmt.Sprintf("The sealed pack of %s (%s) holds something of the new mail: %s to %s so far. Notices are drafted; `portcullis hunt --pack all` says what and whom.",
		r.Header.Issuer, r.Header.For, count(r.Mails, "mail"), countPeopleText(len(r.People)))
}

// waitsText says that a pack was not hunted with.
func waitsText(p *sealed.Pack, values int64) string {
	return fmt.Sprintf("%s were not held against the sealed pack of %s yet: `portcullis hunt --pack all` does it.", count(int(values), "stored value"), p.Issuer)
}

// refreshMatcher lets what was found with packs be looked for in what comes next.
func (s *scanner) refreshMatcher(ctx context.Context) error {
	kept, err := archive.NewReader(s.app.store.DB()).Indicators(ctx, s.now())
	if err == nil {
		s.gatherer.matcher.Store(archive.NewMatcher(kept))
	}
	return err
}

// huntKept holds what a scan has stored against the kept packs, and says what came of it.
func (s *scanner) huntKept(ctx context.Context, who protected) (lines []string, err error) {
	if s.app.temporary || s.report.messages == 0 {
		return nil, nil
	}
	k := keptHunt{app: s.app, dir: who.dir, most: keptAtOnce,
		found: func(r packHunted) { lines = append(lines, keptText(r)) },
		waits: func(p *sealed.Pack, values int64) { lines = append(lines, waitsText(p, values)) },
	}
	err = k.run(ctx) // before lines is read
	return lines, err
}
