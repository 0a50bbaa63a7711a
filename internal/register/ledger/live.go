package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// begin notes how the last run ended, and that this one starts.
func (l *Ledger) begin(t *tail) error {
	now, _ := l.cfg.clock()
	var entries []Entry
	for _, d := range t.damage {
		entries = append(entries, d.entry(now))
	}
	alive := time.UnixMicro(max(t.alive, l.seals.state.Alive))
	ended, err := l.endedInOrder(t)
	if err != nil {
		return err
	}
	if !ended {
		entries = append(entries, gapEntry(alive, now, "the guard ended without closing the ledger"))
	}
	entries = append(entries, Entry{Kind: KindStart, Time: now})
	var items []*waiting
	for _, e := range entries {
		w, err := e.waiting()
		if err != nil {
			return err
		}
		w.frame = appendFrame(nil, &w.rec)
		items = append(items, w)
	}
	return l.write(items)
}

func (d walRange) entry(now time.Time) Entry {
	e := gapEntry(d.from, d.until, d.String())
	if d.until.IsZero() {
		e = gapEntry(d.from, now, d.String())
	}
	e.Time = now
	return e
}

// gapEntry states that between two times nobody can tell. A clock that stepped back makes them change places.
func gapEntry(from, until time.Time, why string) Entry {
	e := Entry{Kind: KindGap, Time: until, From: from.UTC(), Until: until.Round(0).UTC(), Text: why}
	if e.Until.Before(e.From) {
		e.From, e.Until = e.Until, e.From
		e.Text += "; the clock has gone back since"
	}
	return e
}

// endedInOrder says whether the last thing of the last run was its stop, or there was no run.
func (l *Ledger) endedInOrder(t *tail) (bool, error) {
	if n := len(t.records); n > 0 {
		return isStop(t.records[n-1].entry), nil
	}
	if l.seals.state.Size == 0 {
		return true, nil
	}
	// Entries come before the blocks of their batch, and a stop is sealed alone.
	tail := l.seals.tail
	if tail.len() == 0 {
		var err error
		if tail, err = readBundle(filepath.Join(l.dir, "log"), l.seals.state.Size/tileWidth-1, l.seals.state.Size); err != nil {
			return false, err
		}
	}
	leaf := tail.leaf(tail.len() - 1)
	return len(leaf) > 0 && leaf[0] == leafEntry && isStop(leaf[1:]), nil
}

func isStop(body []byte) bool {
	if !bytes.Contains(body, []byte(KindStop)) {
		return false
	}
	var e Entry
	return json.Unmarshal(body, &e) == nil && e.Kind == KindStop
}

// live writes signs of life, so that the end of a run is known however it ends, and seals
// when an hour is over though nobody reads.
func (l *Ledger) live(last instant) {
	tick := time.NewTicker(l.cfg.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		wall, elapsed := l.cfg.clock()
		ctx := context.Background()
		if elapsed-last.elapsed > 4*l.cfg.Heartbeat { // the machine or the process was stopped
			if err := l.note(ctx, gapEntry(last.wall, wall, "the guard gave no sign of life")); err != nil {
				l.cfg.Log.Error("a gap could not be noted", "error", err)
			}
		}
		last = instant{wall, elapsed}
		if err := l.commit(ctx, &waiting{rec: record{kind: recordAlive, time: max(0, wall.UnixMicro())}}); err != nil && !errors.Is(err, ErrClosed) {
			l.cfg.Log.Error("the ledger can't be written", "error", err)
		}
		l.sealWhenDue(wall, elapsed)
	}
}

func (l *Ledger) sealWhenDue(wall time.Time, elapsed time.Duration) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.seals.mu.Lock()
	due := elapsed-l.seals.began >= time.Hour || l.seals.held != nil
	l.seals.mu.Unlock()
	if hour := wall.UnixMicro() / microHour; due || l.hour > 0 && hour == l.hour+1 {
		l.seals.start(l)
		l.hour = max(l.hour, hour)
	}
	l.wal.purgeLogged(l)
}

// Close notes the stop, seals, and gives the ledger free. What was taken before is written first, and everybody told.
// What can't be sealed stays in the write-ahead log.
func (l *Ledger) Close() error {
	ctx := context.Background()
	l.mu.Lock()
	if l.done {
		l.mu.Unlock()
		return nil
	}
	l.done = true
	l.mu.Unlock()
	close(l.stop)
	l.beat.Wait()
	l.leads.Wait()
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.ended = true
	sealed := l.sealAll(ctx)
	now, _ := l.cfg.clock()
	w, err := Entry{Kind: KindStop, Time: now}.waiting()
	if err == nil {
		w.frame = appendFrame(nil, &w.rec)
		err = l.write([]*waiting{w})
	}
	if err == nil && sealed == nil { // by itself, so that it is the last leaf
		sealed = l.sealAll(ctx)
	}
	err = errors.Join(err, sealed, l.wal.close(), l.numbers.close(), l.lock.release())
	if err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}
