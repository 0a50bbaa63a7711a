package wire

import (
	"net"
	"testing"
	"time"
)

// TestOnWheel runs what is said of sessions for those that share a goroutine.
func TestOnWheel(t *testing.T) {
	onWheel.Store(true)
	defer onWheel.Store(false)
	for name, test := range map[string]func(*testing.T){
		"Observing": TestObserving, "Refusals": TestRefusals, "RefusalInPipeline": TestRefusalInPipeline,
		"Stop": TestStop, "StopWithEffects": TestStopWithEffects, "StopCopy": TestStopCopy, "StopInPipeline": TestStopInPipeline,
		"HiddenColumns": TestHiddenColumns, "HiddenInCopy": TestHiddenInCopy, "Masks": TestMasks, "KeyTypes": TestKeyTypes,
		"BackendKilledMidRow": TestBackendKilledMidRow, "PostgresVanishes": TestPostgresVanishes, "Cancel": TestCancel,
		"CancelOfOthers": TestCancelOfOthers, "WrongCancelKey": TestWrongCancelKey, "NamesCannotDeceive": TestNamesCannotDeceive,
		"NothingIsSmuggled": TestNothingIsSmuggled, "MaxRowsAndCursors": TestMaxRowsAndCursors, "FunctionCall": TestFunctionCall,
		"Notices": TestNotices, "LargeMessages": TestLargeMessages, "SlowClient": TestSlowClient, "ShutdownTellsClients": TestShutdownTellsClients,
		"MalformedFrames": TestMalformedFrames, "ManyConnections": TestManyConnections, "Clients": TestClients,
		"ReportsAndNotifications": TestReportsAndNotifications, "Binder": TestBinder, "BeginRefuses": TestBeginRefuses,
	} {
		t.Run(name, test)
	}
}

// pairOnWheel is a connection over the loopback whose one end is bare.
func pairOnWheel(t *testing.T) (*bare, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBare(near, func() {})
	if err != nil {
		t.Fatal(err)
	}
	near.Close()
	t.Cleanup(func() { b.free(); far.Close() })
	return b, far
}

// TestBareWrite: a write to a peer that takes nothing ends at its deadline, and at once when the other
// goroutine closes the connection.
func TestBareWrite(t *testing.T) {
	b, _ := pairOnWheel(t)
	if err := b.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 64<<20)
	if _, err := b.Write(large); !isTimeout(err) {
		t.Errorf("a stalled write ended with %v, want a timeout", err)
	}
	b, _ = pairOnWheel(t)
	ended := make(chan error)
	go func() {
		_, err := b.Write(large)
		ended <- err
	}()
	b.Close()
	if err := <-ended; err == nil {
		t.Error("a write to a closed connection went well")
	}
}
