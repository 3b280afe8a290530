using System;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>The three ways to a block's sums: for few rows, for some dozen, and for many.</summary>
internal sealed partial class ContractionSchedule
{
    private void WriteFew(
        Body body, Name block, Name column, Name columns, Name rows, Name width, Name[] rowPlaces, Name[] matrices, Name sums, Name tiles)
    {
        (int Input, int Weight)[] arrangements = Arrangements;
        var places = new Expression[arrangements.Length];
        Expression at = tiles;
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = at;
            at += s_mostFew * DepthName(arrangements[i].Input);
        }

        body.If(block.Is(s_from) | column.Is(0), once =>
        {
            for (int i = 0; i < places.Length; i++)
            {
                (int input, int weight) = arrangements[i];
                once.Tile(TileOperation.ArrangeRows, rowPlaces[input], rows, DepthName(input), matrices[weight], places[i]);
            }
        });
        var pairs = _terms.Select(t => (t.Term.Input, t.Term.Weight)).Distinct().ToList();
        foreach ((int accumulator, Term term) in _terms)
        {
            (int, int) served = pairs[ArrangementOf(term.Input, term.Weight)];
            body.Tile(
                TileOperation.AddFewRows, places[Array.IndexOf(arrangements, served)], rows, DepthName(term.Input),
                matrices[term.Weight], column, columns, sums + accumulator * rows * width, width);
        }
    }

    private void WriteTurned(
        Body body, Name block, Name column, Name columns, Name rows, Name width, Name[] rowPlaces, Name[] matrices, Name sums, Name tiles)
    {
        var places = new Expression[operation.Inputs.Count];
        Expression at = tiles;
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = at;
            at += s_mostTurned * DepthName(i);
        }

        body.If(block.Is(s_from) | column.Is(0), once =>
        {
            for (int i = 0; i < places.Length; i++) once.Tile(TileOperation.TurnRows, rowPlaces[i], rows, DepthName(i), places[i]);
        });
        foreach ((int accumulator, Term term) in _terms)
        {
            body.Tile(
                TileOperation.AddTurnedRows, places[term.Input], rows, DepthName(term.Input), matrices[term.Weight], column, columns, at,
                sums + accumulator * rows * width, width);
        }
    }

    private void WritePanels(
        Body body, Name row, Name column, Name columns, Name rows, Name width, Name[] rowPlaces, Name[] matrices, Name sums, Name tiles)
    {
        Expression panel = tiles;
        foreach ((int accumulator, Term term) in _terms)
        {
            Name depth = DepthName(term.Input);
            Expression tile = sums + accumulator * rows * width, place = panel;
            if (KeepsPanels)
            {
                body.If(row.Is(s_first), once => once.Tile(TileOperation.PackPanel, matrices[term.Weight], column, columns, 0, depth, place));
                body.Tile(TileOperation.AddPanel, rowPlaces[term.Input], rows, 0, depth, place, tile);
                panel += width * depth;
                continue;
            }

            body.For("start", 0, depth, s_depthTile, (inner, start) =>
            {
                Name part = inner.Let("depth", Min(s_depthTile, depth - start));
                inner.Tile(TileOperation.PackPanel, matrices[term.Weight], column, columns, start, part, place);
                inner.Tile(TileOperation.AddPanel, rowPlaces[term.Input], rows, start, part, place, tile);
            });
        }
    }
}
