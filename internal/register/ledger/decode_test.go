package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"math"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestPermutation(t *testing.T) {
	for _, size := range []uint64{1, 2, 3, 10, 255, 256, 257, 65_537, 1_000_003} {
		p, err := newPermutation([]byte("key"), size)
		must(t, err)
		numbers := make([]uint32, size)
		for i := range numbers {
			numbers[i] = uint32(i)
		}
		p.forwardAll(numbers)
		seen := make([]bool, size)
		for i, y := range numbers {
			if uint64(y) >= size || seen[y] {
				t.Fatalf("of %d: %d is taken or too large", size, y)
			}
			if seen[y] = true; y != p.forward(uint32(i)) || p.backward(y) != uint32(i) {
				t.Fatalf("of %d: %d and back", size, i)
			}
		}
		p.backwardAll(numbers)
		for i, x := range numbers {
			if x != uint32(i) {
				t.Fatalf("of %d: %d comes back as %d", size, i, x)
			}
		}
	}
}

// TestPermutationOfLargeDomains tries the sizes whose steps don't fit 32 bits.
func TestPermutationOfLargeDomains(t *testing.T) {
	for _, size := range []uint64{40_000_000, maxDomain, maxDomain - 65_000} {
		p, err := newPermutation([]byte("key"), size)
		must(t, err)
		for x := uint64(0); x < size; x += size / 5000 {
			if y := p.forward(uint32(x)); uint64(y) >= size || p.backward(y) != uint32(x) {
				t.Fatalf("of %d: %d and back", size, x)
			}
		}
	}
}

// TestPermutationScatters: neighbours don't stay neighbours, and another key gives another one.
func TestPermutationScatters(t *testing.T) {
	const size = 1 << 20
	a, err := newPermutation([]byte("one key"), size)
	must(t, err)
	b, err := newPermutation([]byte("another key"), size)
	must(t, err)
	near, same := 0, 0
	for x := range uint32(size - 1) {
		if gap := int64(a.forward(x)) - int64(a.forward(x+1)); gap > -1024 && gap < 1024 {
			near++
		}
		if a.forward(x) == b.forward(x) {
			same++
		}
	}
	if near < 1800 || near > 2300 { // chance: 2,046
		t.Errorf("%d of %d neighbours are within 1,024", near, size)
	}
	if same > 12 { // chance: 1
		t.Errorf("two keys agree on %d", same)
	}
}

func someBlock(rng *mathrand.Rand) (blockKey, []run, []pair) {
	key := blockKey{names{"alice", "desk", "roll"}, 2026 * 12, 492_000}
	runs := map[run]bool{}
	for range 1 + rng.IntN(70) {
		runs[run{rng.Uint64N(3), uint8(rng.IntN(60))}] = true
	}
	var order []run
	for r := range runs {
		order = append(order, r)
	}
	slices.SortFunc(order, compareRuns)
	limit := uint32(1) << rng.IntN(32)
	var pairs []pair
	for range 1 + rng.IntN(3000) {
		pairs = append(pairs, pair(rng.Uint32N(limit))<<runBits|pair(rng.IntN(len(order))))
	}
	return key, order, slices.Compact(sortNumbers(pairs))
}

func TestBlockRoundTrip(t *testing.T) {
	rng := mathrand.New(mathrand.NewPCG(1, 1))
	var back block
	for range 500 {
		key, runs, pairs := someBlock(rng)
		leaf, err := encodeBlock(key, runs, pairs)
		must(t, err)
		must(t, decodeBlock(leaf, &back))
		if back.blockKey != key || !slices.Equal(back.runs, runs) || !slices.Equal(back.pairs, pairs) {
			t.Fatalf("%d runs, %d pairs: came back otherwise", len(runs), len(pairs))
		}
	}
}

// TestBlocksFitLeaves seals what is worst for a leaf: all of a register, few numbers far
// apart, more statements than a block takes, and the same again and again.
func TestBlocksFitLeaves(t *testing.T) {
	for name, fill := range map[string]func(i int) record{
		"a whole register": func(i int) record { return record{voters: []uint32{uint32(i) * 7}} },
		"far apart":        func(i int) record { return record{voters: []uint32{uint32(i) * 20_000}} },
		"clustered": func(i int) record {
			return record{voters: []uint32{uint32(i % 1000), math.MaxUint32 - uint32(i)}}
		},
		"statements": func(i int) record {
			return record{statement: uint64(i), time: int64(i%60) * 60e6, voters: []uint32{uint32(i)}}
		},
		"again": func(i int) record { return record{voters: []uint32{7, 7, 7}} },
	} {
		var o openBlocks
		for i := range 200_000 {
			r := fill(i)
			r.kind = recordDisclosure
			o.add(r)
		}
		leaves, err := o.leaves()
		must(t, err)
		count := 0
		var b block
		for _, leaf := range leaves {
			must(t, decodeBlock(leaf, &b))
			count += len(b.pairs)
		}
		want := map[string]int{"clustered": 201_000, "again": 1}[name]
		if want == 0 {
			want = 200_000
		}
		if count != want {
			t.Errorf("%s: %d disclosures in %d leaves, want %d", name, count, len(leaves), want)
		}
	}
}

func TestSortNumbers(t *testing.T) {
	rng := mathrand.New(mathrand.NewPCG(4, 4))
	for name, number := range map[string]func() uint64{
		"all bits":   rng.Uint64,
		"one":        func() uint64 { return 7 },
		"few":        func() uint64 { return rng.Uint64N(3) << 40 },
		"two places": func() uint64 { return rng.Uint64N(60_000_000)<<runBits | rng.Uint64N(3) },
		"uneven":     func() uint64 { return rng.Uint64() >> rng.IntN(60) },
	} {
		for _, n := range []int{0, 1, 100, 5000, 100_000} {
			pairs, numbers := make([]pair, n), make([]uint32, n)
			for i := range n {
				v := number()
				pairs[i], numbers[i] = pair(v), uint32(v>>8)
			}
			wantPairs, wantNumbers := slices.Sorted(slices.Values(pairs)), slices.Sorted(slices.Values(numbers))
			if !slices.Equal(sortNumbers(pairs), wantPairs) || !slices.Equal(sortNumbers(numbers), wantNumbers) {
				t.Errorf("%s: %d are out of order", name, n)
			}
		}
	}
}

// TestEdge compares our tree with tlog's, at every size around the corners of tiles.
func TestEdge(t *testing.T) {
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, n := range at {
			out[i] = hashes[n]
		}
		return out, nil
	})
	var e edge
	for n := range int64(70_000) {
		leaf := binary.AppendVarint(nil, n)
		more, err := tlog.StoredHashes(n, leaf, stored)
		must(t, err)
		hashes = append(hashes, more...)
		must(t, e.add(tlog.RecordHash(leaf), nil))
		if n%997 == 0 || n%tileWidth < 3 || n%tileWidth > 253 && n < 2000 || n > 65_530 && n < 65_540 {
			want, err := tlog.TreeHash(n+1, stored)
			must(t, err)
			if e.root() != want {
				t.Fatalf("root of %d leaves differs", n+1)
			}
		}
	}
}

func TestTilePaths(t *testing.T) {
	for n := range int64(3000) {
		for _, width := range []int{0, 1, 255} {
			ours := filepath.ToSlash(tilePath(int(n%3), n*997, width))
			w := width
			if w == 0 {
				w = tileWidth
			}
			theirs := tlog.Tile{H: tileHeight, L: int(n % 3), N: n * 997, W: w}.Path()
			if "tile/8/"+ours[len("tile/"):] != theirs {
				t.Fatalf("%s and %s", ours, theirs)
			}
		}
	}
}

func FuzzBlock(f *testing.F) {
	rng := mathrand.New(mathrand.NewPCG(2, 2))
	for range 10 {
		leaf, err := encodeBlock(someBlock(rng))
		must(f, err)
		f.Add(leaf)
	}
	f.Fuzz(func(t *testing.T, leaf []byte) {
		var b block
		if decodeBlock(leaf, &b) != nil || len(leaf) > maxLeaf {
			return
		}
		if !slices.IsSorted(b.pairs) || len(b.pairs) > 8*len(leaf) {
			t.Fatal("out of order, or more than can be")
		}
		again, err := encodeBlock(b.blockKey, b.runs, b.pairs)
		if err != nil {
			return // a code so wasteful that ours doesn't fit
		}
		var back block
		must(t, decodeBlock(again, &back))
		if !slices.Equal(back.pairs, b.pairs) {
			t.Fatal("came back otherwise")
		}
	})
}

func FuzzRecord(f *testing.F) {
	for _, r := range []record{
		{kind: recordAlive, time: 5}, {kind: recordEntry, entry: []byte(`{"kind":"start"}`)},
		{kind: recordDisclosure, time: 9, period: 24312, names: names{"a", "b", "c"}, statement: 3, voters: []uint32{1, 2}},
	} {
		f.Add(r.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		again, err := decodeRecord(r.append(nil))
		must(t, err)
		if !slices.Equal(again.voters, r.voters) || !bytes.Equal(again.entry, r.entry) || again.names != r.names {
			t.Fatal("came back otherwise")
		}
	})
}

// FuzzTail reads any bytes as a segment of the write-ahead log.
func FuzzTail(f *testing.F) {
	whole := segmentHeader(1, 0)
	for seq := range uint64(3) {
		frame := appendFrame(nil, &record{kind: recordDisclosure, time: 9, voters: []uint32{1, 2}})
		sealFrame(frame, 1, seq+1, seq)
		whole = append(whole, frame...)
	}
	f.Add(whole)
	f.Add(append(slices.Clone(whole[:90]), whole[120:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		tail := &tail{}
		if err := tail.segment("000000000001.wal", 1, b, 0); err != nil {
			return
		}
		for i, r := range tail.records {
			if i > 0 && r.seq <= tail.records[i-1].seq {
				t.Fatal("out of order")
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	rng := mathrand.New(mathrand.NewPCG(3, 3))
	x := newIndexBuilder(5)
	for i := range 20 {
		key, runs, pairs := someBlock(rng)
		key.principal = string(rune('a' + i%3))
		x.add(int64(5+i), i*100, 99, &block{blockKey: key, runs: runs, pairs: pairs})
	}
	x.addEntry(25, 7, []byte(`x{"kind":"stop"}`))
	data, err := x.encode()
	must(f, err)
	f.Add(data, uint32(7))
	f.Fuzz(func(t *testing.T, data []byte, number uint32) {
		path := filepath.Join(t.TempDir(), indexName(5, 26))
		must(t, os.WriteFile(path, data, 0o600))
		x, err := openIndex(path)
		if err != nil {
			return
		}
		defer x.file.Close()
		hits, err := x.hits(number)
		if err != nil {
			return
		}
		for _, i := range hits {
			_, _ = x.blocks(i)
		}
	})
}

func FuzzChunk(f *testing.F) {
	f.Add(appendContainer([]byte{0, 3}, []uint16{1, 5, 60_000}), uint16(5))
	f.Fuzz(func(t *testing.T, b []byte, low uint16) {
		hits, err := inChunk(b, low, 1000)
		if err == nil && len(hits) > len(b) {
			t.Fatal("more hits than containers")
		}
	})
}

func TestContainers(t *testing.T) {
	rng := mathrand.New(mathrand.NewPCG(6, 6))
	for _, n := range []int{1, 2, 30, 4000, listLimit, listLimit + 1, 60_000, 1 << 16} {
		has := map[uint16]bool{}
		for len(has) < n {
			has[uint16(rng.IntN(1<<16))] = true
		}
		var low []uint16
		for v := range 1 << 16 {
			if has[uint16(v)] {
				low = append(low, uint16(v))
			}
		}
		chunk := binary.AppendUvarint([]byte{2}, uint64(n))
		chunk = appendContainer(chunk, low)
		chunk = appendContainer(append(chunk, 1, 1), []uint16{7})
		for v := 0; v < 1<<16; v += 1 + rng.IntN(500) {
			hits, err := inChunk(chunk, uint16(v), 4)
			must(t, err)
			if slices.Contains(hits, 2) != has[uint16(v)] || slices.Contains(hits, 3) != (v == 7) {
				t.Fatalf("%d values: %d: %v", n, v, hits)
			}
		}
	}
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 7, 0, 0}, 2)
	f.Fuzz(func(t *testing.T, data []byte, want int) {
		if want < 0 || want > tileWidth {
			return
		}
		b, err := parseBundle(data, want)
		if err != nil {
			return
		}
		var again bundle
		for i := range b.len() {
			again = again.append(b.leaf(i))
		}
		if !bytes.Equal(again.data, data) {
			t.Fatal("came back otherwise")
		}
	})
}

func FuzzState(f *testing.F) {
	data, err := state{Schema: 1, Size: 5, Sealed: 9}.encode()
	must(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseState(data); err == nil {
			must2(s.encode())(t)
		}
	})
}

func FuzzPeriod(f *testing.F) {
	p := period{from: 2026 * 12, months: 12, integers: 100, others: 5}
	f.Add("2026-01.key", p.text())
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if p, err := parsePeriod(name, text); err == nil && !bytes.Equal(p.text(), text) {
			t.Fatal("came back otherwise")
		}
	})
}

func FuzzNumbers(f *testing.F) {
	f.Add(appendBytes([]byte{1}, []byte("a key")))
	f.Fuzz(func(t *testing.T, batch []byte) {
		n := newNumbers(Config{}, t.TempDir())
		if n.take(1, batch) == nil && len(n.keys) > len(batch) {
			t.Fatal("more keys than bytes")
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	secret, public, err := note.GenerateKey(rand.Reader, testOrigin)
	must(f, err)
	signer, err := note.NewSigner(secret)
	must(f, err)
	verifier, err := note.NewVerifier(public)
	must(f, err)
	f.Add(Checkpoint{Origin: testOrigin, Size: 12}.text())
	f.Fuzz(func(t *testing.T, text string) {
		msg, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return
		}
		c, err := OpenCheckpoint(msg, testOrigin, note.VerifierList(verifier))
		if err == nil && !bytes.HasPrefix(msg, []byte(c.text())) {
			t.Fatalf("%q is read as %q", text, c.text())
		}
	})
}
