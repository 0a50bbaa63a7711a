package main

import (
	"context"
	"errors"
	"time"

	"portcullis.example/portcullis/internal/web"
)

const (
	sourcesAgain = 30 * time.Second // after the store refused what was read
	sourcesShown = time.Minute      // between two looks at how the mailboxes stand
)

// readSources reads the mailboxes on servers beside the desk. A configuration that cannot be
// used ends the program; a store that is away does not.
func (s *server) readSources(ctx context.Context, scan *scanner) error {
	go s.showSources(ctx)
	for {
		err := runSources(ctx, sourceRun{scan: scan, sources: s.app.cfg.Sources, tell: sourceLog{s.log}})
		var exit exitError
		if ctx.Err() != nil || errors.As(err, &exit) {
			return err
		}
		s.log.Error("mail from servers could not be stored; it is tried again", "error", err, "again", sourcesAgain.String())
		select {
		case <-time.After(sourcesAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// huntKept holds what came meanwhile against the sealed packs that are kept.
func (s *server) huntKept(ctx context.Context) {
	packs := keptHunt{app: s.app, dir: s.desk.dir, found: func(r packHunted) {
		s.log.Warn("a sealed pack holds something of the new mail; notices are drafted", "issuer", r.Header.Issuer, "for", r.Header.For, "mails", r.Mails, "people", len(r.People))
		if err := s.scan.refreshMatcher(ctx); err != nil {
			s.log.Error("what was found with a sealed pack is not looked for in new mail yet", "error", err)
		}
	}}
	packs.watch(ctx, func(err error) {
		s.log.Warn("new mail could not be held against the sealed packs; it is tried again", "error", err)
	})
}

// showSources keeps what the first page says of the mailboxes.
func (s *server) showSources(ctx context.Context) {
	tick := time.NewTicker(sourcesShown)
	defer tick.Stop()
	for {
		if list, err := s.app.sourceStatuses(ctx); err == nil {
			sensors := sensorsOf(list)
			s.desk.remote.Store(&sensors)
		} else if ctx.Err() == nil {
			s.log.Warn("how the mailboxes stand could not be read", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// maxSensors is how many the first page shows; silent ones come first.
const maxSensors = 19

func sensorsOf(list []sourceStatus) (out []web.Sensor) {
	var heard []web.Sensor
	for _, one := range list {
		sensor := web.Sensor{Name: one.Source, Mailbox: true, Last: one.Health.Answered}
		if one.Mailbox != "" {
			sensor.Name += ": " + one.Mailbox
		}
		switch {
		case !one.Health.Raised.IsZero():
			sensor.Silent, sensor.Note = true, one.Health.Reason
			out = append(out, sensor)
			continue
		case one.Health.Answered.IsZero():
			sensor.Note = "not read yet"
		}
		heard = append(heard, sensor)
	}
	out = append(out, heard...)
	return out[:min(len(out), maxSensors)]
}
