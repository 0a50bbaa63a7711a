package source

import (
	"encoding/binary"
	"sort"
	"strings"
	"unicode/utf16"
)

// cfb is an invented compound file (MS-CFB), version 3: just enough of a writer
// to make what the library reads. Paths have slashes; a name that ends in one is an empty storage.
type cfb map[string][]byte

type cfbEntry struct {
	name             string
	kind             byte // 1 storage, 2 stream, 5 root
	data             []byte
	right, child, at uint32
	children         []int
}

const (
	cfbSector = 512
	cfbNone   = 0xFFFFFFFF
	cfbEnd    = 0xFFFFFFFE
	cfbCutoff = 4096
)

// entries makes the directory. Siblings hang in a list, which is a tree as well.
func (c cfb) entries() []cfbEntry {
	list := []cfbEntry{{name: "Root Entry", kind: 5, right: cfbNone, child: cfbNone}}
	index := map[string]int{"": 0}
	var add func(path string, kind byte) int
	add = func(path string, kind byte) int {
		if i, ok := index[path]; ok {
			return i
		}
		parent, name := "", path
		if i := strings.LastIndex(path, "/"); i >= 0 {
			parent, name = path[:i], path[i+1:]
		}
		up := add(parent, 1)
		list = append(list, cfbEntry{name: name, kind: kind, right: cfbNone, child: cfbNone})
		i := len(list) - 1
		index[path] = i
		list[up].children = append(list[up].children, i)
		return i
	}
	paths := make([]string, 0, len(c))
	for path := range c {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		if strings.HasSuffix(path, "/") {
			add(strings.TrimSuffix(path, "/"), 1)
			continue
		}
		list[add(path, 2)].data = c[path]
	}
	for i := range list {
		for j, child := range list[i].children {
			if j == 0 {
				list[i].child = uint32(child)
			} else {
				list[list[i].children[j-1]].right = uint32(child)
			}
		}
	}
	return list
}

// bytes lays the file out: header, FAT, directory, mini FAT, mini stream, streams.
func (c cfb) bytes() []byte {
	list := c.entries()
	var mini, big []byte
	var miniFAT, bigFAT []uint32
	chain := func(fat []uint32, n int) []uint32 {
		for k := range n {
			next := uint32(len(fat) + 1)
			if k == n-1 {
				next = cfbEnd
			}
			fat = append(fat, next)
		}
		return fat
	}
	for i := range list {
		e := &list[i]
		e.at = cfbEnd
		switch n := len(e.data); {
		case e.kind != 2 || n == 0:
		case n < cfbCutoff:
			e.at = uint32(len(miniFAT))
			miniFAT = chain(miniFAT, (n+63)/64)
			mini = append(mini, pad(e.data, 64)...)
		default:
			e.at = uint32(len(bigFAT)) // moved below
			bigFAT = chain(bigFAT, (n+cfbSector-1)/cfbSector)
			big = append(big, pad(e.data, cfbSector)...)
		}
	}
	dir := (len(list)*128 + cfbSector - 1) / cfbSector
	miniFATs := (len(miniFAT)*4 + cfbSector - 1) / cfbSector
	minis := (len(mini) + cfbSector - 1) / cfbSector
	rest := dir + miniFATs + minis + len(bigFAT)
	fats := 1
	for fats*cfbSector/4 < rest+fats {
		fats++
	}
	var fat []uint32
	for range fats {
		fat = append(fat, 0xFFFFFFFD)
	}
	dirAt := len(fat)
	fat = chain(fat, dir)
	miniFATAt := len(fat)
	fat = chain(fat, miniFATs)
	miniAt := len(fat)
	fat = chain(fat, minis)
	base := uint32(len(fat))
	for _, next := range bigFAT {
		if next != cfbEnd {
			next += base
		}
		fat = append(fat, next)
	}
	for i := range list {
		if list[i].kind == 2 && len(list[i].data) >= cfbCutoff {
			list[i].at += base
		}
	}
	if minis > 0 {
		list[0].at = uint32(miniAt)
	}
	le := binary.LittleEndian
	h := make([]byte, cfbSector)
	copy(h, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	le.PutUint16(h[24:], 0x3e)
	le.PutUint16(h[26:], 3)
	le.PutUint16(h[28:], 0xfffe)
	le.PutUint16(h[30:], 9)
	le.PutUint16(h[32:], 6)
	le.PutUint32(h[44:], uint32(fats))
	le.PutUint32(h[48:], uint32(dirAt))
	le.PutUint32(h[56:], cfbCutoff)
	le.PutUint32(h[60:], cfbEnd)
	if miniFATs > 0 {
		le.PutUint32(h[60:], uint32(miniFATAt))
	}
	le.PutUint32(h[64:], uint32(miniFATs))
	le.PutUint32(h[68:], cfbEnd)
	for i := range 109 {
		v := uint32(cfbNone)
		if i < fats {
			v = uint32(i)
		}
		le.PutUint32(h[76+4*i:], v)
	}
	out := append(h, fatBytes(fat, fats)...)
	for i := range dir * cfbSector / 128 {
		out = append(out, dirEntry(list, i, len(mini))...)
	}
	out = append(out, fatBytes(miniFAT, miniFATs)...)
	out = append(out, pad(mini, cfbSector)...)
	return append(out, big...)
}

func fatBytes(fat []uint32, sectors int) []byte {
	b := make([]byte, sectors*cfbSector)
	for i := range len(b) / 4 {
		v := uint32(cfbNone)
		if i < len(fat) {
			v = fat[i]
		}
		binary.LittleEndian.PutUint32(b[4*i:], v)
	}
	return b
}

func dirEntry(list []cfbEntry, i, mini int) []byte {
	b := make([]byte, 128)
	le := binary.LittleEndian
	for _, at := range []int{68, 72, 76} {
		le.PutUint32(b[at:], cfbNone)
	}
	if i >= len(list) {
		return b
	}
	e := list[i]
	units := utf16.Encode([]rune(e.name))
	for j, unit := range units {
		le.PutUint16(b[2*j:], unit)
	}
	le.PutUint16(b[64:], uint16(2*len(units)+2))
	b[66], b[67] = e.kind, 1
	le.PutUint32(b[72:], e.right)
	le.PutUint32(b[76:], e.child)
	le.PutUint32(b[116:], e.at)
	size := len(e.data)
	if e.kind == 5 {
		size = mini
	}
	le.PutUint32(b[120:], uint32(size))
	return b
}

func pad(b []byte, to int) []byte {
	return append(append([]byte(nil), b...), make([]byte, (to-len(b)%to)%to)...)
}
