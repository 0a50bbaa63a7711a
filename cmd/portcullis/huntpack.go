package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/campaigns"
	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web/access"
)

// huntPackFlags are those of a hunt with a sealed pack.
type huntPackFlags struct {
	Pack      string   `help:"Hunt with a sealed pack of a partner: its file, or all for every one that is kept, which tests what is new since." placeholder:"FILE"`
	Trust     []string `help:"With --pack: verifier key, or file of such, to trust for this once." placeholder:"KEY"`
	Workers   int      `help:"With --pack: so many cores. Default: all." placeholder:"N"`
	Briefings string   `help:"With --pack: folder to write the drafted notices and the issuer's words to." placeholder:"DIR" type:"path"`
}

// allPacks is what stands in place of a file for every pack that is kept.
const allPacks = "all"

// packHunt is a hunt with packs.
type packHunt struct {
	flags   huntPackFlags
	std     stdio
	k       *correlator
	atEnd   bool      // notices are drafted when all is tested, not while it goes on
	briefed time.Time // when notices were drafted while testing went on
}

// run hunts with one pack, or with all that are kept, for the command whose flags they are.
func (f huntPackFlags) run(ctx context.Context, std stdio, g *Globals, c *huntCommand) (err error) {
	switch {
	case c.Format != "text" && c.Format != "json":
		return exitError{exitIncomplete, errors.New("a hunt with a pack can be told as text or json")}
	case len(c.Patterns)+len(c.Indicators) > 0 || c.Since != "":
		return exitError{exitIncomplete, errors.New("hunt with a pack, or for indicators of your own; --since does not go with a pack")}
	}
	k, err := openCorrelator(ctx, g, c.People, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	h := &packHunt{flags: f, std: std, k: k}
	list, problems, err := h.packs(ctx)
	if err != nil {
		return err
	}
	out := []packHunted{}
	for _, p := range list {
		one, err := h.hunt(ctx, p)
		if err != nil {
			return err
		}
		out = append(out, one)
	}
	if err := h.tell(c.Format, out); err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(std.err, "portcullis:", printable(p.Error()))
	}
	if len(problems) > 0 {
		return exitError{exitIncomplete, nil}
	}
	return nil
}

// packs reads what is hunted with. Of kept packs, those that may not be used any more are
// told of and left out.
func (h *packHunt) packs(ctx context.Context) (list []*sealed.Pack, problems []error, err error) {
	known, err := trustedKeys(ctx, h.k.app, h.flags.Trust)
	if err != nil {
		return nil, nil, err
	}
	if h.flags.Pack != allPacks {
		p, err := openPack(h.flags.Pack, known)
		if err != nil {
			return nil, nil, err
		}
		return []*sealed.Pack{p}, nil, nil
	}
	kept, err := sealed.NewReader(h.k.app.store.DB()).Kept(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range kept {
		p, err := sealed.Read(strings.NewReader(string(one.Raw)), known, h.k.now())
		if _, over := errors.AsType[*sealed.ExpiredError](err); over {
			continue // nothing is wrong: its time is up
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", one.ID, err))
			continue
		}
		list = append(list, p)
	}
	return list, problems, nil
}

// packHunted is what a hunt with one pack came to. Its JSON form is part of the machine formats.
type packHunted struct {
	Pack    portcullis.ID  `json:"pack"`
	Header  sealed.Header  `json:"header"`
	Digest  string         `json:"sha256"`
	Tested  int            `json:"tested"`   // values, with those of earlier runs
	New     int64          `json:"new"`      // of them now
	Blind   []sealed.Kind  `json:"untested"` // kinds of the pack that this store keeps keyed, so that they cannot be tested
	Found   []sealed.Found `json:"found"`
	Mails   int            `json:"mails"`
	People  []packPerson   `json:"people"`
	Unknown int            `json:"others"` // mails that reached nobody in the people file
	Took    time.Duration  `json:"took_ns"`

	events map[portcullis.ID]time.Time // the mails
}

// packPerson is one person whom mail with something of the pack reached.
type packPerson struct {
	Person  portcullis.ID   `json:"person"`
	Name    string          `json:"name"`
	Mails   int             `json:"mails"`
	First   time.Time       `json:"first"`
	Last    time.Time       `json:"last"`
	Notices []portcullis.ID `json:"notices"`
}

// hunt keeps the pack, tests what was not tested, takes what matched as indicators and drafts
// the notices. Each step can be cut off and is taken up by the next run.
func (h *packHunt) hunt(ctx context.Context, p *sealed.Pack) (out packHunted, err error) {
	began := time.Now()
	out = packHunted{Pack: p.ID, Header: p.Header, Digest: p.Digest, Blind: blindKinds(p), People: []packPerson{}, Found: []sealed.Found{}}
	if err := h.begin(ctx, p); err != nil {
		return out, err
	}
	if out.New, out.Tested, err = h.test(ctx, p); err != nil {
		return out, err
	}
	if err := h.take(ctx, p); err != nil {
		return out, err
	}
	notices, err := h.brief(ctx, p, &out)
	if err != nil {
		return out, err
	}
	err = h.write(ctx, notices, &out)
	out.Took = time.Since(began)
	return out, err
}

// brief counts whom what was found so far has reached, and drafts their notices.
func (h *packHunt) brief(ctx context.Context, p *sealed.Pack, out *packHunted) ([]response.Notice, error) {
	found, err := sealed.NewReader(h.k.app.store.DB()).Matches(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	out.Found = append(out.Found, found...)
	if err := h.reached(ctx, out); err != nil {
		return nil, err
	}
	return h.draft(ctx, out)
}

// briefEvery is how often notices are drafted while testing goes on: whoever is reached learns of it within minutes,
// however long the rest takes.
const briefEvery = time.Minute

// meanwhile drafts the notices for what was found so far.
func (h *packHunt) meanwhile(ctx context.Context, p *sealed.Pack) error {
	if h.k.now().Sub(h.briefed) < briefEvery {
		return nil
	}
	if err := h.take(ctx, p); err != nil {
		return err
	}
	_, err := h.brief(ctx, p, &packHunted{Pack: p.ID, Header: p.Header})
	h.briefed = h.k.now() // behind the work, which may take as long
	return err
}

// begin keeps the pack and writes down who hunts with it and what for.
func (h *packHunt) begin(ctx context.Context, p *sealed.Pack) error {
	return h.k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := sealed.NewWriter(tx)
		if err := errors.Join(w.Keep(ctx, p, userName(), h.k.now()), w.Forget(ctx, h.k.now())); err != nil {
			return err
		}
		return auditActs(ctx, tx, access.Hunt, string(p.ID), map[string]string{"issuer": p.Issuer, "key": p.Key, "for": p.For, "tlp": p.TLP, "sha256": p.Digest})
	})
}

// test hashes every stored value that was not hashed for this pack before.
func (h *packHunt) test(ctx context.Context, p *sealed.Pack) (fresh int64, tested int, err error) {
	t := sealed.NewTester(p, h.flags.Workers)
	r := sealed.NewReader(h.k.app.store.DB())
	marks, err := r.Tested(ctx, p.ID)
	if err != nil {
		return 0, 0, err
	}
	known, err := r.Matches(ctx, p.ID)
	if err != nil {
		return 0, 0, err
	}
	t.Remember(marks, matchesOf(known))
	if fresh, err = t.Todo(h.values(ctx)); err != nil {
		return 0, 0, err
	}
	m := newPackMeter(h.std.err, fresh, len(marks))
	m.start()
	err = t.Run(ctx, h.values(ctx), func(b sealed.Batch) error {
		m.add(len(b.Marks))
		err := h.k.app.store.Tx(ctx, func(tx *sql.Tx) error { return sealed.NewWriter(tx).Commit(ctx, p.ID, b, h.k.now()) })
		if err == nil && len(b.Matches) > 0 && !h.atEnd {
			err = h.meanwhile(ctx, p)
		}
		return err
	})
	m.stop()
	if err == nil {
		err = h.k.app.store.Tx(ctx, func(tx *sql.Tx) error { return sealed.NewWriter(tx).Finish(ctx, p.ID, h.k.now()) })
	}
	return fresh, t.Tested(), err
}

func matchesOf(found []sealed.Found) (list []sealed.Match) {
	for _, f := range found {
		list = append(list, f.Match)
	}
	return list
}

// values are what the archive holds.
func (h *packHunt) values(ctx context.Context) iter.Seq2[sealed.Value, error] {
	return func(yield func(sealed.Value, error) bool) {
		for v, err := range archive.NewReader(h.k.app.store.DB()).Values(ctx, nil) {
			if !yield(sealed.Value{Observable: v.Observable, Sealed: v.Sealed}, err) {
				return
			}
		}
	}
}

// blindKinds are those of a pack that a store keeps keyed: correspondents' addresses, subjects, ids
// of messages. Only what is in clear of them is tested.
func blindKinds(p *sealed.Pack) []sealed.Kind {
	list := []sealed.Kind{}
	for _, k := range p.Kinds {
		if k == sealed.KindEmail || k == sealed.KindSubject || k == sealed.KindMessageID {
			list = append(list, k)
		}
	}
	return list
}

// take keeps what matched as indicators, unless it would match everything here, and looks for them in
// all history as for any others: from then on they are in campaigns and in later scans.
func (h *packHunt) take(ctx context.Context, p *sealed.Pack) error {
	found, err := sealed.NewReader(h.k.app.store.DB()).Matches(ctx, p.ID)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(f sealed.Found) bool { return f.State != sealed.New })
	if len(found) == 0 {
		return nil
	}
	var list []portcullis.Indicator
	for _, f := range found {
		list = append(list, f.Indicator(p))
	}
	checked, err := campaigns.NewReader(h.k.app.store.DB(), h.k.deps()).Check(ctx, list)
	if err != nil {
		return err
	}
	taken, err := h.keep(ctx, p, found, checked)
	if err != nil {
		return err
	}
	if _, err := h.k.sight(ctx, taken); err != nil {
		return err
	}
	if _, err := h.k.drain(ctx); err != nil {
		return err
	}
	return h.settle(ctx, p, found, checked)
}

// keep stores the indicators with the reason why addresses are looked for.
func (h *packHunt) keep(ctx context.Context, p *sealed.Pack, found []sealed.Found, checked []campaigns.Checked) (taken []portcullis.Indicator, err error) {
	var personal []portcullis.Observable
	for _, c := range checked {
		if c.Refused != "" {
			continue
		}
		taken = append(taken, c.Indicator)
		if archive.Personal(c.Indicator.Pattern) {
			personal = append(personal, c.Indicator.Pattern)
		}
	}
	return taken, h.k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := archive.NewWriter(tx)
		defer w.Close()
		if len(personal) > 0 {
			if err := w.LogPurpose(ctx, h.k.now(), userName(), "sealed pack of "+p.Issuer+": "+p.For, personal); err != nil {
				return err
			}
		}
		if _, err := w.AddIndicators(ctx, taken, h.k.now()); err != nil {
			return err
		}
		cw := campaigns.NewWriter(tx, h.k.deps())
		defer cw.Close()
		if _, err := cw.Tell(ctx, taken); err != nil {
			return err
		}
		return auditActs(ctx, tx, access.EditIndicator, "indicators", map[string]any{"from": p.Issuer, "pack": p.ID, "tlp": p.TLP, "taken": len(taken), "refused": len(found) - len(taken)})
	})
}

// settle notes what became of each match, last of all: what is new is taken up again.
func (h *packHunt) settle(ctx context.Context, p *sealed.Pack, found []sealed.Found, checked []campaigns.Checked) error {
	return h.k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := sealed.NewWriter(tx)
		for n, f := range found {
			state := sealed.Taken
			if checked[n].Refused != "" {
				state = sealed.TooWide
			}
			if err := w.Settle(ctx, p.ID, f.Mark, state, checked[n].Refused); err != nil {
				return err
			}
		}
		return nil
	})
}
