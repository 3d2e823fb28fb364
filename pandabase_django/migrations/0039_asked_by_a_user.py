import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def note_the_users(apps, schema_editor):
    actions = apps.get_model('pandabase', 'RemoteAction').objects.using(schema_editor.connection.alias)
    actions.filter(asked_by__isnull=False).update(had_user=True)


class Migration(migrations.Migration):

    dependencies = [
        ('pandabase', '0038_opened_for_a_user'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='remoteaction',
            name='had_user',
            field=models.BooleanField(db_default=False, help_text='Stays when the user is deleted.', verbose_name='asked by a user'),
        ),
        migrations.RunPython(note_the_users, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='customerlink',
            name='linked_by',
            field=models.ForeignKey(help_text="Empty: the shop's own code, or a user who was deleted.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='linked by'),
        ),
    ]
