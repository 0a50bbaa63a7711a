package honey

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/register/copies"
)

// Watch knows the voters of all sets, and tells which copy one belongs to. It is safe for many goroutines.
type Watch struct {
	names   []string
	ids     map[string]int
	people  map[string]int
	numbers map[uint64]int
}

// Watch derives all sets. Number turns a voter's number into the number that the ledger and the guard's
// results use; nil where rows are watched only.
func (b *Book) Watch(number func(id []byte) (uint64, error)) (*Watch, error) {
	w := &Watch{ids: map[string]int{}, people: map[string]int{}, numbers: map[uint64]int{}}
	sets, err := b.Sets()
	if err != nil {
		return nil, err
	}
	for i := range sets {
		all, err := b.Voters(&sets[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sets[i].Name(), err)
		}
		w.names = append(w.names, sets[i].Name())
		for _, v := range all {
			if err := w.add(v.Person, i, number); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

func (w *Watch) add(p copies.Person, set int, number func([]byte) (uint64, error)) error {
	w.people[nameKey(p)] = set
	if p.ID == "" {
		return nil
	}
	w.ids[p.ID] = set
	if number == nil {
		return nil
	}
	n, err := number([]byte(p.ID))
	if err != nil {
		return err
	}
	w.numbers[n] = set
	return nil
}

// Hit tells which copy a voter belongs to, by the ledger's number.
func (w *Watch) Hit(n uint64) (string, bool) {
	i, ok := w.numbers[n]
	if !ok {
		return "", false
	}
	return w.names[i], true
}

// HitPerson tells it by number, or by names and date of birth (2006-01-02).
func (w *Watch) HitPerson(p copies.Person) (string, bool) {
	if i, ok := w.ids[p.ID]; ok && p.ID != "" {
		return w.names[i], true
	}
	if i, ok := w.people[nameKey(p)]; ok {
		return w.names[i], true
	}
	return "", false
}

// Len is how many voters are watched.
func (w *Watch) Len() int { return len(w.people) }

// Stamp changes when a set is planted or discarded. It costs one look at a folder.
func (b *Book) Stamp() (string, error) {
	entries, err := os.ReadDir(filepath.Join(b.dir, "sets"))
	if err != nil {
		return "", fmt.Errorf("honey: %w", err)
	}
	var s strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return "", fmt.Errorf("honey: %w", err)
		}
		fmt.Fprintf(&s, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return s.String(), nil
}

// Filters are the sets as find-copies looks for them.
func (b *Book) Filters() (all []copies.Set, err error) {
	key, err := b.Key()
	if err != nil {
		return nil, err
	}
	sets, err := b.Sets()
	if err != nil {
		return nil, err
	}
	for i := range sets {
		voters, err := b.Voters(&sets[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sets[i].Name(), err)
		}
		f := copies.NewBuilder(key, sets[i].Name(), len(voters))
		for _, v := range voters {
			if err := f.Add(v.Person); err != nil {
				return nil, err
			}
		}
		all = append(all, copies.Set{Filter: f.Filter(sets[i].Made), Honey: true})
	}
	return all, nil
}

// Term is something of a honey voter that a hunt through mail can look for.
type Term struct {
	Value string // an address
	Copy  string // where it stands
}

// Terms are the addresses of all honey voters: each was given to one copy and to nobody else, so mail to it comes of that copy.
func (b *Book) Terms() (all []Term, err error) {
	sets, err := b.Sets()
	if err != nil {
		return nil, err
	}
	for i := range sets {
		voters, err := b.Voters(&sets[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sets[i].Name(), err)
		}
		for _, v := range voters {
			if v.Mail != "" {
				all = append(all, Term{v.Mail, sets[i].Name()})
			}
		}
	}
	slices.SortFunc(all, func(a, b Term) int { return strings.Compare(a.Value, b.Value) })
	return all, nil
}
