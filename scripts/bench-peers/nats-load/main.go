// Loads JetStream by NATS's own Go client: asynchronous publishing, a window of unacknowledged messages on each connection.
package main

import (
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type counts struct {
	sent, acknowledged, measured atomic.Int64
	measuring, stopped           atomic.Bool
	mutex                        sync.Mutex
	latencies                    []time.Duration
}

func main() {
	servers := flag.String("servers", nats.DefaultURL, "addresses")
	subject := flag.String("subject", "bench", "subjects are SUBJECT-0, SUBJECT-1 and so on")
	lanes := flag.Int("lanes", 1, "subjects, each of a stream")
	size := flag.Int("size", 1024, "bytes of a message")
	connections := flag.Int("connections", 5, "connections")
	outstanding := flag.Int("outstanding", 256, "messages of a connection that are not acknowledged")
	warmUp := flag.Duration("warmup", 3*time.Second, "what does not count")
	duration := flag.Duration("duration", 15*time.Second, "what counts")
	flag.Parse()

	var all counts
	var senders sync.WaitGroup
	for index := 0; index < *connections; index++ {
		connection, err := nats.Connect(*servers)
		check(err)
		defer connection.Close()
		stream, err := jetstream.New(connection)
		check(err)
		senders.Add(1)
		go func() {
			defer senders.Done()
			send(stream, &all, *subject, *lanes, *size, *outstanding)
		}()
	}
	time.Sleep(*warmUp)
	began := time.Now()
	all.measuring.Store(true)
	time.Sleep(*duration)
	all.measuring.Store(false)
	seconds := time.Since(began).Seconds()
	all.stopped.Store(true)
	senders.Wait()

	sort.Slice(all.latencies, func(one, other int) bool { return all.latencies[one] < all.latencies[other] })
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"messagesPerSecond": float64(all.measured.Load()) / seconds,
		"sent":              float64(all.sent.Load()),
		"acknowledged":      float64(all.acknowledged.Load()),
		"p50Ms":             quantile(all.latencies, 0.5),
		"p99Ms":             quantile(all.latencies, 0.99),
		"p999Ms":            quantile(all.latencies, 0.999),
	}))
}

// send returns when the run is stopped and all of its messages are answered.
func send(stream jetstream.JetStream, all *counts, subject string, lanes, size, outstanding int) {
	window := make(chan struct{}, outstanding)
	var waiting sync.WaitGroup
	for next := 0; !all.stopped.Load(); next++ {
		window <- struct{}{}
		value := make([]byte, size)
		_, _ = rand.Read(value[:16])
		began := time.Now()
		future, err := stream.PublishAsync(fmt.Sprintf("%s-%d", subject, next%lanes), value)
		check(err)
		all.sent.Add(1)
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			select {
			case <-future.Ok():
				all.done(time.Since(began))
			case err := <-future.Err():
				fmt.Fprintln(os.Stderr, err)
			}
			<-window
		}()
	}
	waiting.Wait()
}

func (all *counts) done(latency time.Duration) {
	all.acknowledged.Add(1)
	if !all.measuring.Load() {
		return
	}
	all.measured.Add(1)
	all.mutex.Lock()
	all.latencies = append(all.latencies, latency)
	all.mutex.Unlock()
}

func quantile(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(float64(len(sorted)-1)*share)].Microseconds()) / 1e3
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
