using System;
using System.Collections.Generic;
using System.Threading;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Generation;

/// <summary>
/// The thread that runs a model's generations: as many as the session has slots go through each step together, the others
/// wait in line. A step takes one token of each that decodes, with what was drafted for it, and, in what room is left,
/// chunks of prompts. With nothing to do the thread sleeps.
/// </summary>
internal sealed class GenerationLoop(ModelSession session) : IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<RunningGeneration> _waiting = new();
    private readonly List<RunningGeneration> _active = [];
    private readonly SequenceTokens[] _batch = new SequenceTokens[session.MaxSequences];
    private readonly RunningGeneration[] _members = new RunningGeneration[session.MaxSequences];
    private readonly KeptCaches _caches = new(session);
    private readonly Drafting _drafting = new(session);
    private readonly TokenSteps _steps = new(session);
    private int _count;
    private int _room;
    private Thread? _thread;
    private bool _stopped;

    public void Start(RunningGeneration generation)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped, typeof(LanguageModel));
            _waiting.Enqueue(generation);
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "Sinter generation" };
                _thread.Start();
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Looks again whether there is something to do.</summary>
    public void Wake()
    {
        lock (_gate) Monitor.PulseAll(_gate);
    }

    /// <summary>Ends the running generations with an error, after the step that is under way.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }

        _thread?.Join();
    }

    private void Run()
    {
        while (Collect()) Step();
    }

    /// <summary>Waits until there are tokens to process; false when the loop is to end.</summary>
    private bool Collect()
    {
        lock (_gate)
        {
            while (!_stopped)
            {
                _active.RemoveAll(ReleasedIfCancelled);
                Admit();
                FillBatch();
                if (_count > 0) return true;
                Monitor.Wait(_gate);
            }

            var error = new ObjectDisposedException(nameof(LanguageModel), "The model was disposed of while it generated.");
            foreach (RunningGeneration generation in _active) generation.Fail(error);
            foreach (RunningGeneration generation in _waiting) generation.Fail(error);
            return false;
        }
    }

    private bool ReleasedIfCancelled(RunningGeneration generation)
    {
        if (!generation.IsCancelled) return false;
        generation.Cancel();
        _caches.Leave(generation.Sequence, generation.Tokens);
        return true;
    }

    private void Admit()
    {
        while (_caches.HasFree && _waiting.TryDequeue(out RunningGeneration? generation))
        {
            if (generation.IsCancelled)
            {
                generation.Cancel();
                continue;
            }

            int sequence = _caches.Take(generation.Tokens.Span, generation.Depth > 0, out int kept);
            generation.Begin(sequence, kept);
            _active.Add(generation);
        }
    }

    private void FillBatch()
    {
        _count = 0;
        _room = session.MaxTokensPerStep;
        int decoding = 0;
        foreach (RunningGeneration generation in _active)
            if (generation.IsDecoding && generation.IsWanted) decoding++;
        foreach (RunningGeneration generation in _active)
            if (generation.IsDecoding && generation.IsWanted) AddToBatch(generation, Math.Max(1, _room - --decoding));
        if (_count == 0) _room = Math.Max(_room, 1);
        foreach (RunningGeneration generation in _active)
            if (!generation.IsDecoding && _room > 0) AddToBatch(generation, _room);
    }

    private void AddToBatch(RunningGeneration generation, int most)
    {
        bool isDecoding = generation.IsDecoding;
        ReadOnlyMemory<int> tokens = generation.Take(most);
        LogitRows rows = isDecoding ? LogitRows.All : generation.IsDecoding ? LogitRows.Last : LogitRows.None;
        _members[_count] = generation;
        _batch[_count++] = new SequenceTokens(generation.Sequence, tokens, rows);
        _room -= tokens.Length;
    }

    private void Step()
    {
        ReadOnlySpan<SequenceTokens> batch = _batch.AsSpan(0, _count);
        NextTokens next;
        try
        {
            bool isGreedy = true;
            for (int i = 0; i < _count; i++) isGreedy &= _members[i].IsGreedy;
            next = _steps.Run(batch, ModelSession.StepKind.Forward, isGreedy);
        }
        catch (Exception e)
        {
            for (int i = 0; i < _count; i++) End(_members[i], e);
            return;
        }

        _drafting.Clear();
        int row = 0;
        for (int i = 0; i < _count; i++)
        {
            int own = ModelSession.CountLogitRows(batch.Slice(i, 1), LogitRows.None);
            Advance(_members[i], next.Rows(row, own), own);
            row += own;
        }

        try
        {
            _drafting.Run(_steps);
        }
        catch (Exception e)
        {
            foreach (RunningGeneration generation in _drafting.Members) End(generation, e);
        }
    }

    /// <summary>What a step means for one generation: the tokens chosen, the drafts rejected, the end.</summary>
    private void Advance(RunningGeneration generation, NextTokens next, int rows)
    {
        int length = session.Length(generation.Sequence);
        try
        {
            if (rows > 0)
            {
                bool goesOn = generation.Accept(next, length - rows + 1, session.Capacity, out int kept);
                session.Truncate(generation.Sequence, length - rows + 1 + kept);
                if (!goesOn)
                {
                    End(generation, null);
                    return;
                }
            }

            if (generation.Depth > 0) _drafting.Add(generation, wantsDrafts: rows > 0);
        }
        catch (Exception e)
        {
            End(generation, e);
        }
    }

    private void End(RunningGeneration generation, Exception? error)
    {
        if (error is not null) generation.Fail(error);
        // After an error nothing is known of the last positions.
        _caches.Leave(generation.Sequence, error is null ? generation.Tokens : default);
        _active.Remove(generation);
    }
}
