package pst

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Special is what a folder is for, as far as the file says it.
type Special uint8

// What a folder can be for.
const (
	Ordinary Special = iota
	Sent
	Outbox
	Deleted
	Drafts
	Junk
)

// Properties of stores and folders (MS-OXPROPS).
const (
	propDisplayName  = 0x3001
	propSubtree      = 0x35E0
	propOutbox       = 0x35E2
	propWastebasket  = 0x35E3
	propSent         = 0x35E4
	propDrafts       = 0x36D7
	propMoreFolders  = 0x36D8 // conflicts, sync issues, local failures, server failures, junk
	propOwnerName    = 0x661C
	propPassword     = 0x67FF
	junkAmongFolders = 4
)

// Store is what the file says about itself.
type Store struct {
	Name     string // what Outlook shows
	Owner    string // whose mailbox it is a copy of, "" if that is not stated
	Password bool   // Outlook asks for a password. Nothing is encrypted with it
	subtree  uint32
	special  map[uint32]Special
}

// Folder is a folder.
type Folder struct {
	Number  uint32
	Name    string
	Path    []string // from below the top of the mailbox down to its own name
	Special Special
}

// Store reads what the file says about itself. With an error comes what could be read.
func (f *File) Store() (*Store, error) {
	if f.store != nil {
		return f.store, nil
	}
	f.steps = 0
	s := &Store{special: map[uint32]Special{}}
	f.store = s
	n, err := f.node(nodeStore)
	if err != nil {
		return s, err
	}
	p, err := f.properties(n)
	if err != nil {
		return s, err
	}
	s.Name, s.Owner = p.text(propDisplayName), p.text(propOwnerName)
	if s.Owner == "" && strings.Contains(s.Name, "@") {
		s.Owner = s.Name // as Outlook names the copies that it keeps
	}
	password, _ := p.Fixed(propPassword<<16 | typeInteger32)
	s.Password = password != [8]byte{} && password != [8]byte{0xff, 0xff, 0xff, 0xff} // as copies of mailboxes have it
	s.subtree, _ = p.entry(propSubtree)
	for id, what := range map[uint16]Special{propSent: Sent, propOutbox: Outbox, propWastebasket: Deleted} {
		if number, ok := p.entry(id); ok {
			s.special[number] = what
		}
	}
	for _, number := range []uint32{nodeRoot, s.subtree} {
		f.moreSpecial(s, number)
	}
	return s, nil
}

// moreSpecial takes the places of drafts and junk from a folder, which is where
// Outlook keeps them: the root and the inbox.
func (f *File) moreSpecial(s *Store, number uint32) {
	n, err := f.node(number)
	if err != nil {
		return
	}
	p, err := f.properties(n)
	if err != nil {
		return
	}
	if number, ok := p.entry(propDrafts); ok {
		s.special[number] = Drafts
	}
	b, _ := p.Bytes(propMoreFolders<<16|typeBinaries, 64<<10)
	if number, ok := entryNode(several(b, junkAmongFolders)); ok {
		s.special[number] = Junk
	}
}

// several returns one value of a property that has several (MS-PST §2.3.3.4.2).
func several(b []byte, i int) []byte {
	le := binary.LittleEndian
	if len(b) < 4 || i >= int(le.Uint32(b)) || len(b) < 4+4*(i+1) {
		return nil
	}
	start, end := int(le.Uint32(b[4+4*i:])), len(b)
	if i+1 < int(le.Uint32(b)) && len(b) >= 4+4*(i+2) {
		end = int(le.Uint32(b[4+4*(i+1):]))
	}
	if start > end || end > len(b) {
		return nil
	}
	return b[start:end]
}

// entry reads an entry id that names a folder of this file (MS-PST §2.4.3.2).
func (p *Properties) entry(id uint16) (uint32, bool) {
	b, _ := p.Bytes(Tag(id)<<16|typeBinary, 1<<10)
	return entryNode(b)
}

func entryNode(b []byte) (uint32, bool) {
	if len(b) != 24 {
		return 0, false
	}
	number := binary.LittleEndian.Uint32(b[20:])
	return number, number != 0
}

const (
	maxFolderDepth = 64
	maxFolders     = 20_000 // that are remembered
	maxFolderName  = 512    // bytes; Outlook allows 255 characters
)

// Folder reads a folder. Its path leaves out the root and the top of the mailbox,
// whose names ("Top of Outlook data file") say nothing.
func (f *File) Folder(number uint32) (Folder, error) {
	return f.folder(number, 0)
}

func (f *File) folder(number uint32, depth int) (Folder, error) {
	if d, ok := f.folders[number]; ok {
		return d, nil
	}
	store, _ := f.Store()
	d := Folder{Number: number, Special: store.special[number]}
	if number == nodeRoot || number == store.subtree || number == 0 {
		return d, nil
	}
	n, err := f.node(number)
	if err != nil {
		return d, err
	}
	if depth >= maxFolderDepth {
		return d, &Damage{0, fmt.Sprintf("folders lie within one another more than %d deep", maxFolderDepth)}
	}
	p, err := f.properties(n)
	if err == nil {
		name := p.text(propDisplayName)
		d.Name = strings.TrimSpace(strings.ToValidUTF8(strings.TrimRight(name[:min(len(name), maxFolderName)], "\x00"), ""))
	}
	if d.Name == "IPM_SUBTREE" { // the top, in a copy of a mailbox
		d.Name = ""
		f.folders[number] = d
		return d, err
	}
	if d.Name == "" {
		d.Name = fmt.Sprintf("folder %#x", number)
	}
	if n.parent != 0 && n.parent != number {
		up, above := f.folder(n.parent, depth+1)
		if err == nil {
			err = above
		}
		d.Path = slices.Clone(up.Path)
		if d.Special == Ordinary {
			d.Special = up.Special // a folder within the deleted ones
		}
	}
	d.Path = append(d.Path, d.Name)
	if err == nil && len(f.folders) < maxFolders {
		f.folders[number] = d
	}
	return d, err
}
