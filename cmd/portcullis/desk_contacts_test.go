package main

import (
	"errors"
	"sync"
	"testing"

	"portcullis.example/portcullis/internal/response"
)

// TestContactsAreReadOnce reloads the page of contacts in danger: the mailbox is read once, anew
// where the mail lies elsewhere, and again after it could not be read.
func TestContactsAreReadOnce(t *testing.T) {
	var asked contactsAsked
	reads := 0
	find := func() (response.Danger, []string, error) {
		reads++
		return response.Danger{Letters: reads}, nil, nil
	}
	if _, _, err := asked.of(t.Context(), "person:p0001", []string{"a"}, func() (response.Danger, []string, error) { return response.Danger{}, nil, errors.New("no") }); err == nil {
		t.Error("what could not be read is known")
	}
	var all sync.WaitGroup
	for range 8 { // at once: one run for all
		all.Go(func() {
			if d, _, err := asked.of(t.Context(), "person:p0001", []string{"a"}, find); err != nil || d.Letters != 1 {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
	all.Wait()
	if d, _, _ := asked.of(t.Context(), "person:p0001", []string{"a", "b"}, find); d.Letters != 2 {
		t.Errorf("elsewhere: %+v", d)
	}
	if d, _, _ := asked.of(t.Context(), "person:p0002", []string{"a"}, find); d.Letters != 3 {
		t.Errorf("another member gets %+v", d)
	}
	asked.forget("person:p0001", asked.by["person:p0001"])
	if _, held := asked.by["person:p0001"]; held {
		t.Error("it is held for ever")
	}
	if len(asked.by) != 1 {
		t.Errorf("%d are held", len(asked.by))
	}
}
