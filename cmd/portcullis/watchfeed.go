package main

import (
	"context"
	"encoding/json"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/source"
)

// A batch of what comes from servers waits this long for more, and comparing copies this long for peace.
const (
	batchPatience = 300 * time.Millisecond
	restPatience  = 2 * time.Second
)

// feed gathers what several sources read into batches. A source is blocked while the store is behind.
type feed struct {
	in   chan handed
	rest func(context.Context) error // done when nothing has come for a while
}

// handed is a message, or how far a source is read without one.
type handed struct {
	item  *remote.Item
	key   string
	state json.RawMessage
}

func newFeed(rest func(context.Context) error) *feed { return &feed{in: make(chan handed), rest: rest} }

// put hands something on.
func (f *feed) put(ctx context.Context, one handed) error {
	select {
	case f.in <- one:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fill makes batches until done is closed.
func (f *feed) fill(ctx context.Context, done <-chan struct{}, out chan<- *batch) error {
	current, resting := newBatch(), false
	flush := func() error {
		select {
		case out <- current:
			current = newBatch()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	timer := time.NewTimer(restPatience)
	defer timer.Stop()
	for {
		select {
		case one := <-f.in:
			current.add(one)
			resting = false
			if !current.full() {
				timer.Reset(batchPatience)
				continue
			}
			timer.Reset(restPatience)
		case <-timer.C:
			timer.Reset(restPatience)
			if current.empty() {
				if resting {
					continue
				}
				current.rest, resting = f.rest, true
			}
		case <-done:
			if current.empty() {
				return nil
			}
			return flush()
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := flush(); err != nil {
			return err
		}
	}
}

func newBatch() *batch {
	return &batch{positions: map[string]source.Position{}, states: map[string]json.RawMessage{}}
}

func (b *batch) add(one handed) {
	if one.state != nil {
		b.states[one.key] = one.state
	}
	if one.item != nil {
		b.arrived = append(b.arrived, &arrived{item: one.item.Item, remote: true})
		b.bytes += len(one.item.Raw)
	}
}

func (b *batch) full() bool  { return len(b.arrived) >= batchMessages || b.bytes >= batchBytes }
func (b *batch) empty() bool { return len(b.arrived) == 0 && len(b.states) == 0 }
