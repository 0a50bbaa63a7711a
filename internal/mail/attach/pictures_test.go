package attach

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestPictures(t *testing.T) {
	p := new(Pictures)
	looked := 0
	look := func(codes ...string) func() ([]string, bool) {
		return func() ([]string, bool) { looked++; return codes, true }
	}
	for range 3 {
		if found, ok := p.codes([]byte("logo"), "image-png", look("https://a.example/")); !ok || !slices.Equal(found, []string{"https://a.example/"}) {
			t.Fatalf("found %q, %v", found, ok)
		}
	}
	if looked != 1 {
		t.Errorf("looked %d times at one picture", looked)
	}
	p.codes([]byte("logo"), "image-gif", look())
	if looked != 2 {
		t.Error("the same bytes read as something else were not looked at")
	}
	for range 2 {
		p.codes([]byte("huge"), "image-png", look(strings.Repeat("x", maxKept+1)))
		p.codes([]byte("broken"), "image-png", func() ([]string, bool) { looked++; return nil, false })
	}
	if looked != 6 {
		t.Errorf("what is not kept was looked at %d times, want 4", looked-2)
	}
	var none *Pictures
	none.codes([]byte("logo"), "image-png", look())
	if looked != 7 {
		t.Error("nothing was looked at where nothing is remembered")
	}
}

// TestPicturesBounded: however many there are, few are remembered, and those that come again are.
func TestPicturesBounded(t *testing.T) {
	p := new(Pictures)
	var group sync.WaitGroup
	for part := range 4 {
		group.Go(func() {
			for i := range 2 * maxPictures {
				p.codes(fmt.Appendf(nil, "%d/%d", part, i), "image-png", func() ([]string, bool) { return nil, true })
				p.codes([]byte("logo"), "image-png", func() ([]string, bool) { return nil, true })
			}
		})
	}
	group.Wait()
	if n := len(p.young) + len(p.older); n > 2*maxPictures {
		t.Errorf("%d pictures are remembered", n)
	}
	p.codes([]byte("logo"), "image-png", func() ([]string, bool) { t.Error("the logo was forgotten"); return nil, true })
}
