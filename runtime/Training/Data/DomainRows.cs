using System;

namespace Sinter.Runtime.Training.Data;

/// <summary>The documents of one domain, shuffled anew in each epoch, as one stream of tokens.</summary>
internal sealed class DomainRows(TokenStore store, int[] documents, DocumentMarks marks, double fillInTheMiddle, ulong seed)
{
    private long _epoch;
    private int _ordinal;
    private long _offset;
    private long _shuffledEpoch = -1;
    private int[] _order = [];
    private (long Epoch, int Ordinal) _laidAt = (-1, -1);
    private LaidOutDocument? _laid;

    public bool IsEmpty => documents.Length == 0;

    /// <summary>Epoch, place in the epoch's order, and tokens of that document which are gone.</summary>
    public (long Epoch, int Ordinal, long Offset) Position
    {
        get => (_epoch, _ordinal, _offset);
        set => (_epoch, _ordinal, _offset) = value;
    }

    /// <summary>Fills a row; the stream goes on <paramref name="beyond"/> tokens before its end.</summary>
    public void Fill(Span<int> tokens, Span<int> numbers, int beyond)
    {
        int document = 0;
        Take(tokens[..^beyond], numbers[..^beyond], ref document);
        (long, int, long) here = Position;
        Take(tokens[^beyond..], numbers[^beyond..], ref document);
        Position = here;
    }

    private void Take(Span<int> tokens, Span<int> numbers, ref int document)
    {
        while (tokens.Length > 0)
        {
            LaidOutDocument laid = Current();
            if (_offset >= laid.Length)
            {
                _offset = 0;
                if (++_ordinal == documents.Length) (_epoch, _ordinal) = (_epoch + 1, 0);
                document++;
                continue;
            }

            int count = laid.CopyTo(_offset, tokens);
            numbers[..count].Fill(document);
            tokens = tokens[count..];
            numbers = numbers[count..];
            _offset += count;
        }
    }

    private LaidOutDocument Current()
    {
        if (_laidAt == (_epoch, _ordinal)) return _laid!;
        if (_shuffledEpoch != _epoch) Shuffle();
        int document = _order[_ordinal];
        ulong random = SplitMix.Mix(seed + 1, (ulong)_epoch, (ulong)document);
        bool turns = SplitMix.Fraction(random) < fillInTheMiddle;
        _laid = turns ? LaidOutDocument.Turned(store, document, marks, random) : LaidOutDocument.Plain(store, document, marks);
        _laidAt = (_epoch, _ordinal);
        return _laid;
    }

    private void Shuffle()
    {
        _order = (int[])documents.Clone();
        for (int i = _order.Length - 1; i > 0; i--)
        {
            int other = (int)(SplitMix.Mix(seed, (ulong)_epoch, (ulong)i) % (ulong)(i + 1));
            (_order[i], _order[other]) = (_order[other], _order[i]);
        }

        _shuffledEpoch = _epoch;
    }
}
