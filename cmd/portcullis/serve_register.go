package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/register"
)

const (
	registerEvery = 10 * time.Second
	registerBatch = 500 // findings in one transaction
)

// followRegister takes in what guards of registers have found. They are processes of their own,
// with data of their own: all that comes over are the lines in their folders of findings.
func (s *server) followRegister(ctx context.Context) {
	tick := time.NewTicker(registerEvery)
	defer tick.Stop()
	s.silence = map[string]portcullis.ID{}
	for {
		for _, dir := range s.app.cfg.RegisterFindings {
			if err := s.takeRegister(ctx, dir); err != nil && ctx.Err() == nil {
				s.log.Warn("findings of the register's guard could not be taken in; it is tried again", "folder", dir, "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// takeRegister takes in what one guard has found since the place where it ended last. Place and findings are
// stored together, and a finding that comes twice is one: its id says so.
func (s *server) takeRegister(ctx context.Context, dir string) error {
	key := "register findings " + dir
	place := ""
	if raw, ok := s.scan.state(ctx)(key); ok {
		if err := json.Unmarshal(raw, &place); err != nil {
			place = "" // read again from the first
		}
	}
	var news []register.Raised
	next, err := register.ReadSpool(dir, place, func(r register.Raised) error {
		news = append(news, r)
		return nil
	})
	if silence, silent := register.Silent(filepath.Dir(dir), s.now()); silent && s.silence[dir] != silence.Finding.ID {
		s.silence[dir] = silence.Finding.ID
		news = append(news, silence)
	}
	for len(news) > 0 {
		n := min(len(news), registerBatch)
		if err := s.raiseRegister(ctx, news[:n]); err != nil {
			return err
		}
		news = news[n:]
	}
	if err != nil || next == place {
		return err
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	return s.app.tx(ctx, func(w *records.Writer) error {
		return s.scan.putStates(ctx, w, map[string]json.RawMessage{key: raw})
	})
}

// raiseRegister puts findings among the campaigns, as any sensor's. Whose records were read stays with the guard.
func (s *server) raiseRegister(ctx context.Context, list []register.Raised) error {
	err := s.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := campaigns.NewWriter(tx, s.desk.links.deps())
		defer w.Close()
		for _, r := range list {
			_, err := w.Put(ctx, campaigns.Item{Event: r.Event.ID, Sensor: r.Event.Sensor, Time: r.Event.Time, Findings: []campaigns.FindingRef{
				{ID: r.Finding.ID, Rule: r.Finding.Rule, Technique: r.Finding.Technique, Severity: r.Finding.Severity, Attention: r.Finding.Attention},
			}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for _, r := range list {
			s.log.Warn("the register's guard has found something", "rule", r.Finding.Rule, "summary", r.Finding.Summary)
		}
		s.desk.changed("campaigns", "")
	}
	return err
}
