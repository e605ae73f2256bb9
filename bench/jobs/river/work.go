package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// How often a line says how many jobs have begun.
const look = 10 * time.Millisecond

// The pause between two jobs whose latency is measured, at least and at most.
const leastPause, mostPause = 110 * time.Millisecond, 210 * time.Millisecond

// Prints a line `begun COUNT AT_ONCE` whenever that has changed, after `first TIME` for the first one.
func work(ctx context.Context, pool *pgxpool.Pool, config *river.Config, sleep time.Duration) {
	var first, begun, running atomic.Int64
	config.Workers = river.NewWorkers()
	river.AddWorker(config.Workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[Job]) error {
		if begun.Add(1) == 1 {
			first.Store(time.Now().UnixNano())
		}
		if sleep > 0 {
			running.Add(1)
			time.Sleep(sleep)
			running.Add(-1)
		}
		return nil
	}))
	client := client(pool, config)
	stop, cancel := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer cancel()
	check(client.Start(ctx))
	for ticker, shown := time.NewTicker(look), int64(0); stop.Err() == nil; <-ticker.C {
		now := begun.Load()
		if now == shown || first.Load() == 0 {
			continue
		}
		if shown == 0 {
			fmt.Printf("first %.6f\n", float64(first.Load())/1e9)
		}
		fmt.Println("begun", now, running.Load())
		shown = now
	}
	check(client.Stop(ctx))
}

// Prints for each job the milliseconds from before and from after its enqueue to the start of the work.
func latency(ctx context.Context, pool *pgxpool.Pool, config *river.Config, jobs int) {
	// With room for one, so that a start never waits for the end of its enqueue.
	starts := make(chan time.Time, 1)
	config.Workers = river.NewWorkers()
	river.AddWorker(config.Workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[Job]) error {
		starts <- time.Now()
		return nil
	}))
	client := client(pool, config)
	check(client.Start(ctx))
	// A client elects a leader, and so on: it is idle after that.
	time.Sleep(time.Second)
	var all [][2]float64
	for number := range jobs {
		began := time.Now()
		_, err := client.Insert(ctx, Job{Content: content(int64(number))}, nil)
		ended := time.Now()
		check(err)
		start := <-starts
		all = append(all, [2]float64{milliseconds(start.Sub(began)), milliseconds(start.Sub(ended))})
		time.Sleep(leastPause + rand.N(mostPause-leastPause))
	}
	check(client.Stop(ctx))
	check(json.NewEncoder(os.Stdout).Encode(all))
}

func milliseconds(time time.Duration) float64 { return float64(time.Nanoseconds()) / 1e6 }
