using System;
using System.Collections.Generic;
using System.Threading;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Generation;

/// <summary>
/// The thread that runs a model's generations: as many as the session has slots go through each step together, the others
/// wait in line. A step takes one token of each that decodes and, in what room is left, chunks of prompts. With nothing
/// to do the thread sleeps.
/// </summary>
internal sealed class GenerationLoop(ModelSession session) : IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<RunningGeneration> _waiting = new();
    private readonly List<RunningGeneration> _active = [];
    private readonly SequenceTokens[] _batch = new SequenceTokens[session.MaxSequences];
    private readonly RunningGeneration[] _members = new RunningGeneration[session.MaxSequences];
    private float[] _logits = [];
    private int _count;
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
        _logits = new float[(long)session.MaxSequences * session.Description.VocabularySize];
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
        session.Release(generation.Sequence);
        return true;
    }

    private void Admit()
    {
        while (_active.Count < session.MaxSequences && _waiting.TryDequeue(out RunningGeneration? generation))
        {
            if (generation.IsCancelled)
            {
                generation.Cancel();
                continue;
            }

            generation.Sequence = session.AddSequence();
            _active.Add(generation);
        }
    }

    private void FillBatch()
    {
        _count = 0;
        foreach (RunningGeneration generation in _active)
            if (generation.IsDecoding && generation.IsWanted) AddToBatch(generation, 1);
        int room = Math.Max(session.MaxTokensPerStep - _count, _count == 0 ? 1 : 0);
        foreach (RunningGeneration generation in _active)
            if (!generation.IsDecoding && room > 0) room -= AddToBatch(generation, room);
    }

    private int AddToBatch(RunningGeneration generation, int most)
    {
        ReadOnlyMemory<int> tokens = generation.Take(most);
        _members[_count] = generation;
        _batch[_count++] = new SequenceTokens(generation.Sequence, tokens);
        return tokens.Length;
    }

    private void Step()
    {
        int vocabulary = session.Description.VocabularySize;
        try
        {
            session.Forward(_batch.AsSpan(0, _count), _logits, AnyChooses() ? LogitRows.Last : LogitRows.None);
        }
        catch (Exception e)
        {
            for (int i = 0; i < _count; i++) End(_members[i], e);
            return;
        }

        for (int i = 0; i < _count; i++)
        {
            RunningGeneration generation = _members[i];
            if (!generation.IsDecoding) continue;
            try
            {
                if (!generation.Accept(_logits.AsSpan(i * vocabulary, vocabulary), session.Length(generation.Sequence), session.Capacity)) End(generation, null);
            }
            catch (Exception e)
            {
                End(generation, e);
            }
        }
    }

    private bool AnyChooses()
    {
        for (int i = 0; i < _count; i++)
            if (_members[i].IsDecoding) return true;
        return false;
    }

    private void End(RunningGeneration generation, Exception? error)
    {
        if (error is not null) generation.Fail(error);
        session.Release(generation.Sequence);
        _active.Remove(generation);
    }
}
