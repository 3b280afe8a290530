using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Training;

/// <summary>Values that are made in the same way of the same values become one, and copies their original.</summary>
public static class MergeEqual
{
    public static TensorGraph Run(TensorGraph graph)
    {
        var editor = new GraphEditor(graph);
        var known = new Dictionary<Node, int>();
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            if (node is Map { Function: Argument, Inputs.Count: 1 } copy && editor[editor.Place(copy.Inputs[0])].Axes.Equals(copy.Axes))
            {
                editor.Replace(i, editor.Place(copy.Inputs[0]));
                continue;
            }

            Node key = Key(node.WithOperands(editor.Place));
            if (known.TryGetValue(key, out int place)) editor.Replace(i, place);
            else known[key] = editor.Copy(i);
        }

        return editor.Finish();
    }

    /// <summary>The node without its name, where that means nothing.</summary>
    public static Node Key(Node node) => node switch
    {
        Input or Assemble => node,
        AttendGradient gradient => gradient with { Name = "", Attend = gradient.Attend with { Name = "" } },
        _ => node with { Name = "" },
    };
}
